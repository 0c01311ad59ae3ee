//! What is read and what is refused.

use super::*;

fn read(text: &str) -> Result<Node, String> {
    parse(text, &Source::File("f".into())).map_err(|e| format!("{}:{}: {}", e.line, e.column, e.reason))
}

fn refusal(text: &str) -> String {
    read(text).expect_err("the text should be refused")
}

#[test]
fn a_value_is_placed_where_its_key_stands() {
    let root = read("a:\n  b:\n    c: 1\nd:\n  - x\n  - y\n").unwrap();
    for (key, line) in [("a", 1), ("a.b", 2), ("a.b.c", 3), ("d", 4)] {
        assert_eq!(root.find(key).unwrap().origin.to_string(), format!("f:{line}"), "{key}");
    }
    let Value::List(items) = &root.find("d").unwrap().value else { panic!("d is a list") };
    assert_eq!(items[1].origin.to_string(), "f:6");
}

#[test]
fn an_empty_text_is_null() {
    for text in ["", "# nothing\n", "\u{feff}", "---\n...\n", "~"] {
        assert!(read(text).unwrap().is_null(), "{text:?}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_with_both_lines() {
    assert_eq!(refusal("a: 1\nb: 2\na: 3\n"), "3:1: the key \"a\" stands here a second time; the first is on line 1");
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_line_and_column() {
    assert!(refusal("a: 1\nb: [1, 2\n").starts_with("3:1: "), "{}", refusal("a: 1\nb: [1, 2\n"));
    assert!(refusal("a: b: c\n").starts_with("1:5: "), "{}", refusal("a: b: c\n"));
    assert!(refusal("a: 1\n---\nb: 2\n").starts_with("2:1: a second document"));
    assert!(refusal("? [a]\n: 1\n").contains("a key must be one word"));
}

#[test]
fn aliases_and_merges_take_over_what_they_stand_for() {
    let root = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n").unwrap();
    assert_eq!(root.find("b.x").unwrap().to_string(), "\"1\"");
    assert_eq!(root.find("b.y").unwrap().to_string(), "\"3\"");
    assert_eq!(root.find("c.y").unwrap().to_string(), "\"2\"");
}

#[test]
fn aliases_that_unfold_without_end_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..6 {
        let alias = format!("*a{}, ", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", alias.repeat(10)));
    }
    assert!(refusal(&bomb).contains("too many values"));
    assert!(refusal("a: &a [*a]\n").contains("a part of"));
}

#[test]
fn nesting_is_bounded_also_through_aliases() {
    assert!(refusal(&format!("{}{}", "[".repeat(100), "]".repeat(100))).contains("too deeply"));
    assert!(refusal(&"- ".repeat(5000)).contains("too deeply"));
    refusal(&"[".repeat(5000));
    let nest = |of: &str| format!("{}{of}{}", "[".repeat(40), "]".repeat(40));
    let text = format!("a: &a {}\nb: {}\n", nest("x"), nest("*a"));
    assert!(refusal(&text).contains("too deeply"));
}
