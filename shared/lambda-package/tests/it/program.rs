//! `bootstrap`: what a custom runtime can start, and what not.

use lambda_package::{Architecture, Error, Options, ProgramFault};

use super::tree::{Tree, names, read_by_python};

const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const RISCV: u16 = 243;

/// An ELF file: header, and a segment with the loader's path if there is one.
fn elf(machine: u16, kind: u16, entry: u64, loader: &str) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let put = |bytes: &[u8], file: &mut Vec<u8>| file.extend(bytes);
    put(&kind.to_le_bytes(), &mut file);
    put(&machine.to_le_bytes(), &mut file);
    put(&1_u32.to_le_bytes(), &mut file);
    for number in [entry, 64, 0] {
        put(&number.to_le_bytes(), &mut file);
    }
    put(&0_u32.to_le_bytes(), &mut file);
    let segments = u16::from(!loader.is_empty());
    for number in [64, 56, segments, 64, 0, 0] {
        put(&number.to_le_bytes(), &mut file);
    }
    assert_eq!(file.len(), 64);
    if !loader.is_empty() {
        let length = loader.len() as u64 + 1;
        put(&3_u32.to_le_bytes(), &mut file);
        put(&4_u32.to_le_bytes(), &mut file);
        for number in [120, 0, 0, length, length, 1] {
            put(&number.to_le_bytes(), &mut file);
        }
        put(loader.as_bytes(), &mut file);
        put(b"\0", &mut file);
    }
    file
}

/// A static program.
fn program(machine: u16) -> Vec<u8> {
    elf(machine, 2, 0x1000, "")
}

fn custom(architecture: Option<Architecture>) -> Options<'static> {
    Options { architecture, custom_runtime: true, ..Options::default() }
}

fn fault(content: &[u8], architecture: Option<Architecture>) -> Option<ProgramFault> {
    let tree = Tree::new().file("bootstrap", content).file("tool", "");
    match tree.package(&custom(architecture)) {
        Ok(_) => None,
        Err(Error::Program { fault, path }) => {
            assert!(path.ends_with("bootstrap"), "{}", path.display());
            Some(fault)
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_program_for_the_other_processor_is_refused_with_both_names() {
    let arm = fault(&program(AARCH64), Some(Architecture::X86_64)).unwrap();
    assert_eq!(arm.to_string(), "is a program for arm64, and the function runs on x86_64");
    let intel = fault(&program(X86_64), Some(Architecture::Arm64)).unwrap();
    assert_eq!(intel.to_string(), "is a program for x86_64, and the function runs on arm64");
    for (machine, architecture) in [(AARCH64, Architecture::Arm64), (X86_64, Architecture::X86_64)]
    {
        assert_eq!(fault(&program(machine), Some(architecture)), None);
        assert_eq!(fault(&program(machine), None), None);
    }
}

#[test]
fn a_program_that_the_compiler_made_is_taken_for_what_it_is() {
    let here = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let (this, other) = if cfg!(target_arch = "aarch64") {
        (Architecture::Arm64, Architecture::X86_64)
    } else {
        (Architecture::X86_64, Architecture::Arm64)
    };
    assert_eq!(fault(&here, Some(this)), None);
    assert!(matches!(fault(&here, Some(other)), Some(ProgramFault::OtherArchitecture { .. })));
}

#[test]
fn what_is_no_program_for_lambda_is_refused() {
    let mut short = program(X86_64);
    short[4] = 1;
    let cut = &elf(X86_64, 3, 0x1000, "/lib64/ld-linux-x86-64.so.2")[..100];
    let cases: [(&[u8], &str); 9] = [
        (b"", "is empty"),
        (b"console.log(1)", "is neither a Linux program (ELF) nor a script that begins with #!"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "is a program for macOS"),
        (b"MZ\x90\0", "is a program for Windows"),
        (b"\x7fELF", "is a damaged ELF file: "),
        (&program(RISCV), "is a program for RISC-V, and Lambda runs x86_64 and arm64, of 64 bits"),
        (
            &short,
            "is a program for a processor of 32 bits, and Lambda runs x86_64 and arm64, of 64 bits",
        ),
        (&elf(X86_64, 3, 0, ""), "is an ELF file but no program: nothing in it can be started"),
        (cut, "is a damaged ELF file: "),
    ];
    for (content, expected) in cases {
        let fault = fault(content, None).map(|it| it.to_string()).unwrap_or_default();
        assert!(fault.starts_with(expected), "{fault}");
    }
    assert_eq!(fault(&elf(X86_64, 1, 0x1000, ""), None), Some(ProgramFault::Library));
}

#[test]
fn a_loader_that_amazon_linux_does_not_have_is_refused() {
    let starts = |machine, loader| fault(&elf(machine, 3, 0x1000, loader), None);
    let musl = starts(X86_64, "/lib/ld-musl-x86_64.so.1").unwrap();
    let expected = "is started by the loader /lib/ld-musl-x86_64.so.1, which Lambda does not have";
    assert_eq!(musl.to_string(), expected);
    for loader in
        ["/nix/store/abc/lib/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/var/task/ld"]
    {
        assert_eq!(starts(X86_64, loader), Some(ProgramFault::Loader(loader.into())));
    }
    for loader in ["/lib64/ld-linux-x86-64.so.2", "/opt/lib/ld-musl-x86_64.so.1", "/var/task/tool"]
    {
        assert_eq!(starts(X86_64, loader), None, "{loader}");
    }
    assert_eq!(starts(AARCH64, "/lib/ld-linux-aarch64.so.1"), None);
}

#[test]
fn scripts_are_checked_by_their_first_line() {
    for good in
        ["#!/bin/sh\nexec x", "#! /usr/bin/env bash", "#!/var/task/tool -x\n", "#!/opt/node\n"]
    {
        assert_eq!(fault(good.as_bytes(), Some(Architecture::Arm64)), None, "{good}");
    }
    let cases = [
        ("#!\n", ProgramFault::NoInterpreter),
        ("#! \t\nx", ProgramFault::NoInterpreter),
        ("#!/bin/sh\r\necho\r\n", ProgramFault::CarriageReturn("/bin/sh\r".into())),
        ("#!/bin/sh -e\r\n", ProgramFault::CarriageReturn("/bin/sh".into())),
        ("#!/var/task/bin/node\n", ProgramFault::Interpreter("/var/task/bin/node".into())),
    ];
    for (script, expected) in cases {
        assert_eq!(fault(script.as_bytes(), None), Some(expected), "{script}");
    }
}

#[test]
fn a_custom_runtime_needs_a_bootstrap_at_the_top() {
    let error = Tree::new().file("a", "").refused(&custom(None));
    assert!(matches!(error, Error::NoBootstrap { found: None, .. }), "{error:?}");
    let tree = Tree::new().file("a", "").program("bin/orders", program(X86_64));
    let error = tree.refused(&custom(None));
    assert_eq!(error.advice(), "rename bin/orders to bootstrap and put it at the top");
    let two = tree.program("b/bootstrap", program(X86_64)).refused(&custom(None));
    assert!(two.advice().contains("rename b/bootstrap"), "{}", two.advice());
    let folder = Tree::new().file("bootstrap/x", "").refused(&custom(None));
    assert!(folder.to_string().ends_with("bootstrap is a folder, not a program"), "{folder}");
}

#[test]
fn other_runtimes_start_no_bootstrap() {
    let tree = Tree::new().file("bootstrap", "anything").file("index.js", "");
    let options = Options { architecture: Some(Architecture::Arm64), ..Options::default() };
    assert!(tree.package(&options).is_ok());
    assert!(Tree::new().file("index.js", "").package(&options).is_ok());
    assert!(Tree::new().file("bootstrap/x", "").package(&options).is_ok());
}

#[test]
fn bootstrap_is_executable_also_by_way_of_a_link() {
    let tree = Tree::new().file("bin/server", program(X86_64)).link("bootstrap", "bin/server");
    let package = tree.package(&custom(None)).unwrap();
    let listed = read_by_python(package.path());
    assert!(listed[1].starts_with("100755") && listed[1].ends_with("bin/server"), "{listed:?}");
    assert!(listed[2].starts_with("120777") && listed[2].ends_with("bootstrap"), "{listed:?}");
    let tree = Tree::new().file("bin/server", program(AARCH64)).link("bootstrap", "bin/server");
    let error = tree.refused(&custom(Some(Architecture::X86_64)));
    assert!(error.to_string().contains("bin/server is a program for arm64"), "{error}");
}

#[test]
fn a_program_alone_becomes_bootstrap_for_a_custom_runtime_only() {
    let tree = Tree::new().file("orders", program(X86_64)).file("run.sh", "#!/bin/sh\n");
    let pack = |path, options: &Options| lambda_package::package(&tree.at(path), options);
    let package = pack("orders", &custom(Some(Architecture::X86_64))).unwrap();
    assert_eq!(names(&package), ["bootstrap"]);
    assert_eq!(package.entries()[0].mode, 0o755);
    assert_eq!(names(&pack("orders", &Options::default()).unwrap()), ["orders"]);
    let error = pack("run.sh", &custom(None)).unwrap_err();
    assert!(matches!(error, Error::NoBootstrap { .. }), "{error:?}");
    let error = pack("orders", &custom(Some(Architecture::Arm64))).unwrap_err();
    let expected = "is a program for x86_64, and the function runs on arm64";
    assert!(error.to_string().ends_with(&format!("orders {expected}")), "{error}");
}
