//! Owns the answers to what wasi-libc asks that is the same for every guest: no terminal, no environment. Answered here,
//! by the names its own bindings have, they are not imported, and every instance is spared what an import costs.
//!
//! A libc with other names for them imports them as before.

#![expect(unsafe_code, reason = "they stand for imports, which are raw symbols")]

/// `wasi:cli/terminal-stdin`, `get-terminal-stdin`: an `option`, whose first byte says that there is none.
///
/// # Safety
/// The libc passes room for the answer.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wasm_import_terminal_stdin_get_terminal_stdin(none: *mut u8) {
    // SAFETY: see above; so for the others.
    unsafe { none.write(0) }
}

/// The same of standard output.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wasm_import_terminal_stdout_get_terminal_stdout(none: *mut u8) {
    unsafe { none.write(0) }
}

/// The same of standard error.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wasm_import_terminal_stderr_get_terminal_stderr(none: *mut u8) {
    unsafe { none.write(0) }
}

/// Drops a terminal, of which there are none.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_terminal_input_terminal_input_drop(_: i32) {}

/// The same of the other kind.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_terminal_output_terminal_output_drop(_: i32) {}

/// `wasi:cli/environment`, `get-environment`: a list, none in it.
///
/// # Safety
/// The libc passes room for a pointer and a length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wasm_import_environment_get_environment(list: *mut [usize; 2]) {
    // SAFETY: see above. The pointer of an empty list is aligned, and not used.
    unsafe { list.write([align_of::<usize>(), 0]) }
}
