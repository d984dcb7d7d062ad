//! Model files of other libraries, whole and spoilt: no file, however damaged, does more than give an error.

use std::fs;
use std::path::PathBuf;

use arsenal_core::ensemble::{Child, Condition, TreeEnsemble};
use arsenal_core::rng::Rng;
use arsenal_models::trees::foreign::{Asked, Library, read};

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/foreign");
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            !name.contains("expected") && path.extension().is_none_or(|extension| extension != "py")
        })
        .map(|path| (path.display().to_string(), fs::read(path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// What the rest of the house relies on.
fn keeps_its_contract(ensemble: &TreeEnsemble) -> bool {
    let n_categories = |feature: u32| ensemble.features[feature as usize].kind.n_categories();
    ensemble.n_targets > 0
        && ensemble.trees.len().is_multiple_of(ensemble.n_targets)
        && ensemble.trees.iter().all(|tree| {
            let follows = |split: usize, child: Child| match child {
                Child::Split(next) => next as usize > split && (next as usize) < tree.splits.len(),
                Child::Leaf(leaf) => (leaf as usize) < tree.n_leaves(),
            };
            tree.n_leaves() == tree.splits.len() + 1
                && tree.splits.iter().enumerate().all(|(s, split)| {
                    follows(s, split.left)
                        && follows(s, split.right)
                        && match &split.condition {
                            Condition::AtMost { threshold, .. } => {
                                !threshold.is_nan() && n_categories(split.feature).is_none()
                            }
                            Condition::Among { codes } => n_categories(split.feature)
                                .is_some_and(|n| codes.iter().all(|code| (1..=n).contains(&(*code as usize)))),
                        }
                })
        })
}

#[test]
fn every_file_is_read_as_the_library_that_wrote_it() {
    let files = files();
    assert!(files.len() > 30);
    for (name, bytes) in files {
        let library = Library::of(&bytes).expect(&name);
        assert!(name.contains(library.name()), "{name}: {library:?}");
        let model = read(&bytes, library, Asked::default()).expect(&name);
        assert!(keeps_its_contract(&model.ensemble), "{name}");
        assert!(!model.ensemble.trees.is_empty());
    }
}

#[test]
fn cut_off_files_are_refused() {
    for (name, bytes) in files() {
        let library = Library::of(&bytes).expect(&name);
        // LightGBM's text says "end of trees" before its parameters, which may be missing.
        let end = match library {
            Library::LightGbm => bytes.windows(12).position(|window| window == b"end of trees").expect("an end"),
            _ => bytes.len() - 2,
        };
        for length in (0..end).step_by(97).chain([end]) {
            assert!(read(&bytes[..length], library, Asked::default()).is_err(), "{name} up to {length}");
        }
    }
}

#[test]
fn spoilt_files_give_errors_or_models_that_keep_the_contract() {
    let mut rng = Rng::new(0);
    let (mut n_read, mut n_refused) = (0, 0);
    for (name, bytes) in files() {
        let library = Library::of(&bytes).expect(&name);
        for _ in 0..60 {
            let mut spoilt = bytes.clone();
            for _ in 0..=rng.below(3) {
                let place = rng.below(spoilt.len() as u64) as usize;
                match rng.below(5) {
                    // Another digit where a digit is: numbers of nodes, counts, sizes.
                    0 | 1 => {
                        let digits = (place..spoilt.len()).find(|&at| spoilt[at].is_ascii_digit());
                        spoilt[digits.unwrap_or(place)] = b'0' + rng.below(10) as u8;
                    }
                    2 => spoilt[place] = rng.below(256) as u8,
                    3 => drop(spoilt.remove(place)),
                    _ => {
                        let piece = spoilt[place..(place + 40).min(spoilt.len())].to_vec();
                        let at = rng.below(spoilt.len() as u64) as usize;
                        drop(spoilt.splice(at..at, piece));
                    }
                }
            }
            match read(&spoilt, library, Asked::default()) {
                Ok(model) => {
                    n_read += 1;
                    assert!(keeps_its_contract(&model.ensemble), "{name}");
                }
                Err(error) => {
                    n_refused += 1;
                    assert!(error.to_string().contains("model: "), "{name}: {error}");
                }
            }
        }
    }
    assert!(n_read > 100 && n_refused > 100, "{n_read} read, {n_refused} refused");
}

#[test]
fn bytes_of_no_library_are_refused() {
    for (bytes, message) in [
        (&b""[..], "no model"),
        (b"{}", "neither a model of XGBoost"),
        (b"CBM1....", "wanted JSON"),
        (b"\x80\x04", "pickle"),
        (b"binf", "old binary"),
    ] {
        let error = Library::of(bytes).expect_err("no library's").to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = read(b"tree\n\xff", Library::LightGbm, Asked::default()).expect_err("no text").to_string();
    assert!(error.contains("not UTF-8"), "{error}");
}
