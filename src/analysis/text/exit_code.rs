//! What an exit code means, as a name that the phrases put into words.

/// The meaning of a container's exit code; `None` for codes that only the program itself knows.
///
/// Shells and container runtimes report 128 + n for a process that signal n ended.
pub fn meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        0 => "completed",
        1 => "general_error",
        2 => "usage_error",
        125 => "runtime_failed",
        126 => "not_executable",
        127 => "not_found",
        128 => "runtime_failed",
        129 => "sighup",
        130 => "sigint",
        131 => "sigquit",
        132 => "sigill",
        133 => "sigtrap",
        134 => "sigabrt",
        135 => "sigbus",
        136 => "sigfpe",
        137 => "sigkill",
        139 => "sigsegv",
        141 => "sigpipe",
        143 => "sigterm",
        159 => "sigsys",
        255 | -1 => "out_of_range",
        _ => return None,
    })
}

/// The meaning, unless the program itself `said` more than so general a code can.
pub fn telling(code: i32, said: bool) -> Option<&'static str> {
    meaning(code).filter(|_| !(said && matches!(code, 1 | 2 | 255)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        assert_eq!(meaning(137), Some("sigkill"));
        assert_eq!(meaning(127), Some("not_found"));
        assert_eq!(meaning(42), None);
        assert_eq!(meaning(i32::MIN), None);
    }
}
