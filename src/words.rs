//! Sets of words: enums whose variants are words in specs and on the command line. Each is declared
//! once, on the lowest floor that needs it; specs and the command line read the words from there.

/// Declares an enum whose variants are words. The first lines of a variant say what its word
/// means: to readers of the code, to editors (as descriptions of the schema), and in `--help`.
///
/// After the enum, `default Variant` names the one that [`Default`] returns.
macro_rules! words {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal, )+
        }
        $(default $default:ident)?
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[doc = $word_doc])+ $variant, )+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What the word means, in one line.
            pub fn meaning(self) -> String {
                $crate::words::description(match self {
                    $(Self::$variant => concat!($($word_doc, "\n"),+),)+
                })
            }

            /// What `word` stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        $(impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        })?
    };
}

pub(crate) use words;

/// A doc comment as one line of text.
pub fn description(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    words! {
        /// A color.
        pub enum Color {
            /// As
            /// blood.
            Red = "red",
            /// As the sky.
            DarkBlue = "dark-blue",
        }
        default DarkBlue
    }

    #[test]
    fn an_enum_knows_its_words() {
        assert_eq!(Color::WORDS, ["red", "dark-blue"]);
        for (color, word) in Color::ALL.iter().zip(Color::WORDS) {
            assert_eq!(color.as_str(), *word);
            assert_eq!(Color::from_word(word), Some(*color));
        }
        assert_eq!(Color::from_word("Red"), None);
        assert_eq!(Color::Red.meaning(), "As blood.");
        assert_eq!(Color::default(), Color::DarkBlue);
    }
}
