//! The files that a run is written to: reserved before it begins, written at its end.

use std::path::Path;

use super::about;
use crate::base::{Error, Result};
use crate::cli::files::Reserved;
use crate::perf::{self, About, Measured};

/// Files that can be written. They stay as they are until there is something to write.
#[derive(Default)]
pub(super) struct Documents(Vec<(Form, Reserved)>);

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Html,
    Json,
}

impl Documents {
    /// Makes sure that every file can be written.
    ///
    /// # Errors
    /// `Invalid`, naming the file, also of a report whose ending says nothing.
    pub(super) fn reserve(csv: Option<&Path>, reports: &[impl AsRef<Path>]) -> Result<Self> {
        let mut files: Vec<(Form, &Path)> = Vec::new();
        files.extend(csv.map(|path| (Form::Csv, path)));
        for report in reports {
            files.push((Form::of(report.as_ref())?, report.as_ref()));
        }
        for (index, (_, path)) in files.iter().enumerate() {
            if files[..index].iter().any(|(_, earlier)| earlier == path) {
                return Err(Error::invalid(format!(
                    "{} is named twice: give each document a file of its own",
                    path.display()
                )));
            }
        }
        let reserved = files
            .into_iter()
            .map(|(form, path)| Ok((form, Reserved::at(path)?)));
        Ok(Self(reserved.collect::<Result<_>>()?))
    }

    /// Writes what was measured; if that is nothing, no file.
    ///
    /// # Errors
    /// The first file that could not be written, once all were tried.
    pub(super) fn write(self, measured: &Measured) -> Result<()> {
        if measured.rows.is_empty() || self.0.is_empty() {
            return Ok(());
        }
        let about = About {
            remarks: remarks(measured),
            ..about::about()
        };
        let mut result = Ok(());
        for (form, file) in self.0 {
            let written = form
                .text(&about, measured)
                .and_then(|text| file.write(&text));
            result = result.and(written);
        }
        result
    }
}

impl Form {
    fn of(report: &Path) -> Result<Self> {
        let ending = report.extension().map(|it| it.to_ascii_lowercase());
        match ending.as_deref().and_then(|it| it.to_str()) {
            Some("html" | "htm") => Ok(Self::Html),
            Some("json") => Ok(Self::Json),
            _ => Err(Error::invalid(format!(
                "{} does not say what report it is to be: end its name in .html for a page, or in \
                 .json for programs",
                report.display()
            ))),
        }
    }

    fn text(self, about: &About, measured: &Measured) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        match self {
            Self::Csv => perf::write_csv(&measured.rows, &mut text)?,
            Self::Html => perf::write_html(about, &measured.rows, &mut text)?,
            Self::Json => perf::write_json(about, &measured.rows, &mut text)?,
        }
        Ok(text)
    }
}

/// What a reader must know who did not see how it ended.
fn remarks(measured: &Measured) -> Vec<String> {
    let mut remarks = Vec::new();
    if measured.interrupted {
        remarks
            .push("The run was interrupted: the last row may be of a part of its test.".to_owned());
    }
    if let Some(stopped) = &measured.stopped {
        remarks.push(format!(
            "The run ended before all tests had run: {}",
            stopped.message()
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(csv: Option<&Path>, reports: &[&Path]) -> Result<Documents> {
        Documents::reserve(csv, reports)
    }

    #[test]
    fn every_ending_gives_its_form() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (csv, html, json) = (at("a.csv"), at("a.HTML"), at("a.json"));
        let documents = reserve(Some(&csv), &[&html, &json]).unwrap();
        let measured = Measured {
            rows: vec![perf::Row {
                test: "get",
                ops: 4_711,
                ..perf::Row::default()
            }],
            interrupted: true,
            ..Measured::default()
        };
        documents.write(&measured).unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert!(read(&csv).starts_with("test,target") && read(&csv).contains("4711"));
        assert!(read(&html).contains("4,711") && read(&html).contains("was interrupted"));
        let json: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
        assert_eq!(json["rows"][0]["ops"], 4_711);
        assert_eq!(json["dkv_version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn what_cannot_be_written_is_refused_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (name, words) in [
            ("report.pdf", "end its name in .html"),
            ("report", "end its name in .html"),
            (".html", "end its name in .html"),
            ("no/report.html", "cannot write"),
        ] {
            let error = reserve(None, &[&at(name)]).err().unwrap();
            assert!(error.message().contains(words), "{name}: {error}");
            assert!(error.message().contains(name), "{name}: {error}");
        }
        let twice = at("a.html");
        let error = reserve(Some(&twice), &[&twice]).err().unwrap();
        assert!(error.message().contains("named twice"), "{error}");
        let error = reserve(None, &[&at("b.html"), &at("no/b.json")]).err();
        assert!(error.is_some());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no file");
    }

    #[test]
    fn without_figures_no_file_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.html");
        let documents = reserve(None, &[&path]).unwrap();
        documents.write(&Measured::default()).unwrap();
        assert!(!path.exists());
    }
}
