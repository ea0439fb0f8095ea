//! What the pages look like, and the one picture.

/// The style sheet of every page.
pub(super) const STYLE: &str = "
:root {
  color-scheme: light dark;
  --paper: #f6f5f1; --card: #ffffff; --ink: #1d1f24; --quiet: #5c6069; --line: #d9d7cf;
  --field: #85878c; --accent: #2f5bd7; --on-accent: #ffffff; --tint: #e6ecfc;
  --warn: #8a4b00; --warn-tint: #fff0d9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1f2228; --ink: #eceef2; --quiet: #a3a8b3; --line: #363b45;
    --field: #757b87; --accent: #8fb0ff; --on-accent: #10131a; --tint: #28324a;
    --warn: #ffc37a; --warn-tint: #3a2c14;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, \"Segoe UI\", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
.ribbon {
  background: repeating-linear-gradient(135deg, var(--warn-tint) 0 12px, var(--paper) 12px 24px);
  border-bottom: 1px solid var(--line); color: var(--warn);
  padding: .6rem 1rem; text-align: center; font-size: .875rem; font-weight: 600; text-wrap: balance;
}
main { max-width: 30rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; letter-spacing: -.01em; }
p { margin: 0 0 1rem; text-wrap: pretty; }
.quiet, small { color: var(--quiet); font-size: .875rem; }
.people { list-style: none; margin: 1.25rem 0; padding: 0; display: grid; gap: .625rem; }
button { font: inherit; color: inherit; cursor: pointer; border-radius: .625rem; }
.person {
  display: flex; gap: .875rem; align-items: center; width: 100%; text-align: left;
  padding: .75rem .875rem; background: var(--card); border: 1px solid var(--line);
}
.person:hover { border-color: var(--accent); background: var(--tint); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.face {
  flex: none; width: 2.75rem; height: 2.75rem; border-radius: 50%; background: var(--tint);
  color: var(--accent); display: grid; place-items: center; font-weight: 600; object-fit: cover;
}
.about { min-width: 0; display: grid; }
.about b { font-weight: 600; line-height: 1.3; }
.unverified {
  color: var(--warn); background: var(--warn-tint); border-radius: .25rem; padding: 0 .3rem;
  font-size: .75rem; white-space: nowrap;
}
details { background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
summary { padding: .75rem .875rem; cursor: pointer; font-weight: 600; border-radius: .625rem; }
.fields { display: grid; gap: .875rem; padding: .25rem .875rem 1rem; }
.field { display: grid; gap: .25rem; }
.field label { font-size: .875rem; font-weight: 600; }
input[type=text], input[type=email], textarea {
  font: inherit; width: 100%; padding: .5rem .625rem; color: inherit; background: var(--paper);
  border: 1px solid var(--field); border-radius: .5rem;
}
::placeholder { color: var(--quiet); opacity: 1; }
textarea { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .875rem; resize: vertical; }
.check { display: flex; gap: .5rem; align-items: center; }
.check input { width: 1.125rem; height: 1.125rem; margin: 0; accent-color: var(--accent); }
.go {
  padding: .625rem 1rem; background: var(--accent); border: 1px solid var(--accent);
  color: var(--on-accent); font-weight: 600;
}
.cancel {
  width: 100%; margin-top: .875rem; padding: .625rem 1rem; background: none;
  border: 1px solid var(--line); color: var(--quiet);
}
.mistake {
  background: var(--warn-tint); color: var(--warn); border-radius: .5rem; padding: .625rem .75rem;
  margin: 0; font-weight: 600;
}
";

/// `/picture.svg`: a face for whoever has no other.
pub(super) const PICTURE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 96\">\
<rect width=\"96\" height=\"96\" fill=\"#f3c969\"/>\
<path d=\"M8 96c0-24 17-36 40-36s40 12 40 36z\" fill=\"#2f5bd7\"/>\
<circle cx=\"48\" cy=\"40\" r=\"21\" fill=\"#8a5a3c\"/>\
<path d=\"M26 40c0-18 10-26 22-26s22 8 22 26c-6-10-14-13-22-13s-16 3-22 13z\" fill=\"#2b1d16\"/>\
</svg>";
