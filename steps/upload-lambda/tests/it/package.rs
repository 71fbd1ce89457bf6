//! Zips that are written, without AWS.

use step_testkit::{Project, Ran};

fn project() -> Project {
    Project::new().with_file("hello/app.py", "def handler(event, context): pass\n")
}

fn package(project: &Project, source: &str, to: &str) -> Ran {
    let args = ["package", "--source", source, "--to", to, "--output", "json"];
    project.run("upload-lambda", &args)
}

#[test]
fn a_zip_that_lies_in_its_source_is_not_packed_into_itself() {
    let project = project();
    let first = package(&project, ".", "out.zip").expect(0).json();
    let absolute = project.path("out.zip");
    for (source, to) in
        [(".", "out.zip"), (".", absolute.to_str().unwrap()), ("hello/..", "out.zip")]
    {
        let again = package(&project, source, to).expect(0).json();
        let hash = |ran: &serde_json::Value| ran["report"]["zips"][0]["code_sha256"].clone();
        assert_eq!(hash(&again), hash(&first), "{source} {to}");
    }
}

#[test]
fn a_zip_replaces_nothing_but_a_file() {
    let project = project();
    let _socket = std::os::unix::net::UnixListener::bind(project.path("socket")).unwrap();
    package(&project, "hello", "socket").expect(2).says("socket is no file");
    package(&project, "hello", "hello/app.py/out.zip")
        .expect(1)
        .says("help: check that the folder exists, is writable and has space left");
}

#[test]
fn zips_lie_in_the_folder_of_hand_over_files_which_git_does_not_see() {
    let project = project().with_file(
        "landfall.toml",
        "[env.dev]\naccount = \"111111111111\"\n\
         [env.dev.upload-lambda.functions.hello]\nsource = \"hello\"\n",
    );
    project.run("upload-lambda", &["package", "--env", "dev"]).expect(0);
    assert!(project.path(".landfall/hello.zip").is_file());
    assert_eq!(project.read(".landfall/.gitignore"), "*\n");
}
