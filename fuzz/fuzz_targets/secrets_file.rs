#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    keycard::fuzzing::secrets_file(input);
});
