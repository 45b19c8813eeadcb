//! The page.

use std::io::Write;

use super::about::About;
use super::markup::Markup;
use super::model::Model;
use super::section::{self, Names};
use super::{tables, units};
use crate::base::{Error, Result};
use crate::perf::row::Row;

const STYLE: &str = include_str!("style.css");

/// A browser that obeys it fetches nothing and runs nothing, whatever is on the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Writes the rows as a page for people, with charts. It is one file that needs no other.
///
/// # Errors
/// `Internal`, with what the writer said.
pub fn write_html(about: &About, rows: &[Row], mut writer: impl Write) -> Result<()> {
    let page = page(about, rows);
    writer
        .write_all(page.as_str().as_bytes())
        .and_then(|()| writer.flush())
        .map_err(|error| {
            Error::internal(format!("the report could not be written: {error}")).with_source(error)
        })
}

fn page(about: &About, rows: &[Row]) -> Markup {
    let model = Model::of(rows);
    let names = Names::of(&model);
    let mut page = Markup::new();
    page.raw("<!doctype html>\n");
    page.within("html", &[("lang", &"en")], |html| {
        html.within("head", &[], |head| put_head(head, &model));
        html.within("body", &[], |body| {
            body.within("header", &[], |header| put_header(header, about, rows));
            body.within("main", &[], |main| {
                if rows.is_empty() {
                    main.leaf("p", &[("class", &"nothing")], "Nothing was measured.");
                } else {
                    put_overview(main, rows, &model, &names);
                }
                for section in &model.sections {
                    section::put(main, section, &names);
                }
            });
        });
    });
    page.raw("\n");
    page
}

fn put_head(head: &mut Markup, model: &Model<'_>) {
    head.empty("meta", &[("charset", &"utf-8")]);
    head.empty(
        "meta",
        &[
            ("http-equiv", &"Content-Security-Policy"),
            ("content", &POLICY),
        ],
    );
    head.empty(
        "meta",
        &[
            ("name", &"viewport"),
            ("content", &"width=device-width, initial-scale=1"),
        ],
    );
    head.empty(
        "meta",
        &[("name", &"color-scheme"), ("content", &"light dark")],
    );
    let targets: Vec<&str> = model
        .targets
        .iter()
        .map(|row| row.target.as_str())
        .collect();
    head.leaf("title", &[], format!("dkv perf: {}", targets.join(", ")));
    head.within("style", &[], |style| style.raw(STYLE));
}

fn put_header(header: &mut Markup, about: &About, rows: &[Row]) {
    header.leaf("h1", &[], "dkv perf");
    let version = match about.dkv_version.as_str() {
        "" => String::new(),
        version => format!("dkv {version}"),
    };
    let when = about.made_at().unwrap_or_default();
    header.within("dl", &[], |list| {
        for (name, text) in [
            ("Measured", when),
            ("With", version),
            ("Load", load(rows)),
            ("Machine", about.machine.told()),
        ] {
            if !text.is_empty() {
                list.within("div", &[], |list| {
                    list.leaf("dt", &[], name);
                    list.leaf("dd", &[], text);
                });
            }
        }
        if !about.command.is_empty() {
            list.within("div", &[], |list| {
                list.leaf("dt", &[], "Command");
                list.within("dd", &[], |dd| put_command(dd, &about.command));
            });
        }
    });
    for remark in &about.remarks {
        header.leaf("p", &[("class", &"bad")], remark);
    }
}

/// Lines break between words, not after the hyphens of an option.
fn put_command(dd: &mut Markup, command: &str) {
    dd.within("code", &[], |code| {
        for word in command.split(' ') {
            code.leaf("span", &[], word);
            code.text(" ");
        }
    });
}

/// How much was asked at once.
fn load(rows: &[Row]) -> String {
    let all = |of: fn(&Row) -> u64| {
        let mut values: Vec<u64> = rows.iter().map(of).collect();
        values.sort_unstable();
        values.dedup();
        let texts: Vec<String> = values.into_iter().map(units::grouped).collect();
        texts.join(" or ")
    };
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "clients that ask at once: {} · connections to a node: {} · keys: {}",
        all(|row| row.threads as u64),
        all(|row| row.connections as u64),
        all(|row| row.keys),
    )
}

/// All figures at a glance.
fn put_overview(main: &mut Markup, rows: &[Row], model: &Model<'_>, names: &Names) {
    main.within("section", &[("id", &"all")], |main| {
        tables::put_targets(main, model, names);
        if !model.is_comparison() && !model.has_rounds() {
            tables::put_rows(main, rows, model, names);
            return;
        }
        if model.is_comparison() {
            main.leaf("h2", &[], "Compared");
            tables::put_comparison(main, model, names);
            main.leaf("p", &[("class", &"aside")], explained(model));
        }
        main.within("details", &[], |main| {
            main.leaf("summary", &[], format!("All {} rows", rows.len()));
            tables::put_rows(main, rows, model, names);
        });
    });
}

fn explained(model: &Model<'_>) -> String {
    let ratios = "A ratio above 1 is A's advantage in operations a second, one below 1 in \
                  latencies; advantages are in bold.";
    let rounds = "Figures are medians, with the least and the most of all rounds below; charts \
                  show the round of the median of operations a second.";
    match model.has_rounds() {
        true => format!("{ratios} {rounds}"),
        false => ratios.to_owned(),
    }
}
