//! Which keys there are, as registry:2 and registry:3 and Wharf have them, and which kind of value stands under each.
//! What a value means is not said here.

mod auth;
mod parts;
mod top;

pub(super) use auth::INCLUDED;
pub(super) use top::TOP;

/// The kind of what stands under a key. It decides how a variable reaches inside and which keys are refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// One value.
    Value,
    /// A list of such things; a variable names one by its index.
    List(&'static Shape),
    /// Fixed keys; a variable names one by [`Field::variable`].
    Struct(&'static [Field]),
    /// Keys of the operator's choosing, with what a variable takes the value of each to be. With fields, those alone
    /// mean something, and a variable finds the sections and lists among them by their own keys and indexes.
    Map(&'static [Field], &'static Shape),
    /// A [`Shape::Map`] that may be written as the name of its only key (`storage: filesystem`).
    Choice(&'static [Field], &'static Shape),
    /// Anything. With fields, it is a mapping with those keys.
    Any(&'static [Field]),
}

/// A key and what stands under it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    /// What variables call it, when that is not the key in capitals.
    variable: Option<&'static str>,
}

impl Field {
    const fn new(key: &'static str, shape: Shape) -> Field {
        Field { key, shape, variable: None }
    }

    const fn called(self, variable: &'static str) -> Field {
        Field { variable: Some(variable), ..self }
    }

    /// Whether this part of a variable's name means this key.
    pub(super) fn is_named_by(&self, part: &str) -> bool {
        match self.variable {
            Some(variable) => variable == part,
            None => self.key.to_ascii_uppercase() == part,
        }
    }
}

const fn value(key: &'static str) -> Field {
    Field::new(key, Shape::Value)
}

const fn values(key: &'static str) -> Field {
    Field::new(key, Shape::List(&Shape::Value))
}

const fn list(key: &'static str, of: &'static Shape) -> Field {
    Field::new(key, Shape::List(of))
}

const fn section(key: &'static str, fields: &'static [Field]) -> Field {
    Field::new(key, Shape::Struct(fields))
}

const fn any(key: &'static str) -> Field {
    Field::new(key, Shape::Any(&[]))
}

/// Options that registry:2 hands on to a driver unread.
const fn options(key: &'static str, fields: &'static [Field]) -> Field {
    Field::new(key, Shape::Map(fields, &Shape::Any(&[])))
}

/// Names, each with a list of values.
const fn headers() -> Field {
    Field::new("headers", Shape::Map(&[], &Shape::List(&Shape::Value)))
}

#[cfg(test)]
mod tests;
