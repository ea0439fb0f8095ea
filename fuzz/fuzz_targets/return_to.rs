#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    keycard::fuzzing::return_to(input);
});
