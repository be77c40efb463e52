//! Where a picture could be shown.

use super::{Area, Finding, Host, Verdict};

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    vec![connectors(host), desktop(host)]
}

/// Displays on the graphics cards, and whether this user may drive them.
fn connectors(host: &dyn Host) -> Finding {
    let reason = "Without a desktop a display is driven straight through the graphics card \
        (KMS). This user must be allowed to open it.";
    let entries = host.list("/sys/class/drm");
    let cards: Vec<&String> = entries
        .iter()
        .filter(|name| {
            let number = name.strip_prefix("card").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit())
        })
        .collect();
    let connected: Vec<&str> = entries
        .iter()
        .filter(|name| {
            host.read(&format!("/sys/class/drm/{name}/status")).as_deref() == Some("connected")
        })
        .map(String::as_str)
        .collect();
    let open = cards.iter().any(|card| host.opens(&format!("/dev/dri/{card}")));
    let (verdict, value) = match (cards.is_empty(), connected.is_empty(), open) {
        (true, ..) => (Verdict::Fair, "no graphics card".to_owned()),
        (_, true, _) => (Verdict::Fair, "a graphics card, no display connected".to_owned()),
        (.., false) => (Verdict::Fair, format!("{}, not open to this user", connected.join(", "))),
        _ => (Verdict::Good, connected.join(", ")),
    };
    let finding = Finding::new(Area::Display, "kms", verdict, value, reason);
    if connected.is_empty() || open {
        return finding;
    }
    finding.mended_by("adduser USER video, then log in anew")
}

/// A desktop that would take a window.
fn desktop(host: &dyn Host) -> Finding {
    let wayland = host.variable("WAYLAND_DISPLAY").filter(|display| {
        let runtime = host.variable("XDG_RUNTIME_DIR").unwrap_or_default();
        host.exists(display) || host.exists(&format!("{runtime}/{display}"))
    });
    let x11 = host.variable("DISPLAY");
    let found: Vec<String> = [
        wayland.map(|display| format!("Wayland ({display})")),
        x11.map(|display| format!("X11 ({display})")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (verdict, value) = if found.is_empty() {
        (Verdict::Fair, "none for this user".to_owned())
    } else {
        (Verdict::Good, found.join(", "))
    };
    Finding::new(
        Area::Display,
        "desktop",
        verdict,
        value,
        "On a desktop, outputs are shown in windows. Without, they can be watched in the panel \
         and judged by `ormatrix-sink check`; `ormatrix demo` then runs headless.",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    #[test]
    fn a_connected_display_must_be_open_to_the_user() {
        let card = || PaperHost::default().file("/sys/class/drm/card0/dev", "226:0");
        assert_eq!(connectors(&PaperHost::default()).value, "no graphics card");
        assert_eq!(connectors(&card()).value, "a graphics card, no display connected");
        let shut = card().file("/sys/class/drm/card0-DP-1/status", "connected");
        assert_eq!(connectors(&shut).value, "card0-DP-1, not open to this user");
        assert!(connectors(&shut).remedy.is_some());
        let open = shut.file("/dev/dri/card0", "");
        assert_eq!(connectors(&open).verdict, Verdict::Good);
    }

    #[test]
    fn a_wayland_socket_must_be_there() {
        let host = || PaperHost::default().variable_is("WAYLAND_DISPLAY", "wayland-0");
        assert_eq!(desktop(&host()).verdict, Verdict::Fair);
        let there = host()
            .variable_is("XDG_RUNTIME_DIR", "/run/user/1000")
            .file("/run/user/1000/wayland-0", "");
        assert_eq!(desktop(&there).value, "Wayland (wayland-0)");
        assert_eq!(desktop(&PaperHost::default().variable_is("DISPLAY", ":0")).value, "X11 (:0)");
    }
}
