//! The console, by semihosting: QEMU plays the debugger. Without `core::fmt`, which would take more room than the rest of this program.

use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
use cortex_m_semihosting::{hio, nr, syscall};

pub fn print(text: &str) {
    // A console that is not there is nobody's loss.
    if let Ok(mut out) = hio::hstdout() {
        out.write_all(text.as_bytes()).unwrap_or(());
    }
}

pub fn line(what: &str, number: u32) {
    let (mut digits, mut left, mut rest) = ([0; 10], 10_usize, number);
    while let Some(digit) = digits.get_mut(left.wrapping_sub(1)) {
        *digit = b'0' + (rest % 10) as u8;
        (left, rest) = (left - 1, rest / 10);
        if rest == 0 {
            break;
        }
    }
    print(what);
    print(core::str::from_utf8(digits.get(left..).unwrap_or(&[])).unwrap_or("?"));
    print("\n");
}

pub fn fail(what: &str, number: u32) -> ! {
    print("FAILED: ");
    line(what, number);
    exit(EXIT_FAILURE);
    loop {
        core::hint::spin_loop();
    }
}

pub fn end() -> ! {
    exit(EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}

/// Writes a file on the machine of the debugger; its name ends with a zero byte.
pub fn save(file: &str, bytes: &[u8]) {
    const WRITE_BINARY: usize = 5;
    // SAFETY: name and bytes are there as long as the calls, and are only read.
    let left = unsafe {
        let handle = syscall!(OPEN, file.as_ptr(), WRITE_BINARY, file.len().saturating_sub(1));
        let left = syscall!(WRITE, handle, bytes.as_ptr(), bytes.len());
        let _ = (syscall!(CLOSE, handle), nr::CLOSE);
        left
    };
    if left != 0 {
        fail("a file of the host could not be written; bytes left", left as u32);
    }
}

/// What the stack was painted with before main.
const PAINT: u32 = cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
    static __sdata: u32;
    static __ebss: u32;
}

/// Tells what RAM there is, and what of it was used.
pub fn memory(lent_bytes: usize) {
    let [top, bottom, data, bss] = [&raw const _stack_start, &raw const _stack_end, &raw const __sdata, &raw const __ebss];
    let mut deepest = bottom;
    // SAFETY: from the end of the data to the top of the stack all is RAM, and below the deepest frame nobody writes.
    while deepest < top && unsafe { deepest.read_volatile() } == PAINT {
        deepest = deepest.wrapping_add(1);
    }
    let stack = (top.addr() - deepest.addr()) as u32;
    let fixed = (bss.addr() - data.addr()) as u32;
    line("RAM given, bytes: ", (top.addr() - data.addr()) as u32);
    line("  stack at its deepest: ", stack);
    line("  data of program and engine: ", fixed);
    line("    lent to the engine: ", lent_bytes as u32);
}
