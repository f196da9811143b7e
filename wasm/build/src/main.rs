//! `sarsen-wasm-build MODULE.wasm DIRECTORY`: writes `sarsen.js` and `sarsen.wasm` there, for browsers, workers and Node alike.

use std::path::PathBuf;
use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(directory)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: sarsen-wasm-build MODULE.wasm DIRECTORY");
        return ExitCode::from(2);
    };
    match bind(&module, &directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", module.display());
            ExitCode::FAILURE
        }
    }
}

fn bind(module: &PathBuf, directory: &PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let mut bindgen = Bindgen::new();
    // The package says itself where the module lies, so that bundlers see it: the JavaScript must not look for it.
    bindgen
        .input_path(module)
        .out_name("sarsen")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true);
    bindgen.generate(directory)?;
    let made = directory.join("sarsen_bg.wasm");
    std::fs::rename(made, directory.join("sarsen.wasm"))?;
    Ok(())
}
