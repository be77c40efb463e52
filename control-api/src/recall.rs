//! Presets at work: what a recall would change, the recall, and presets of what is shown.

use std::collections::BTreeMap;

use ormatrix_protocol::{InputId, Level, OutputId, RouteState, Take};

use crate::{
    actor::Actor,
    api::presets::ChangeWord,
    app::Shared,
    change::known,
    inventory::{Preset, PresetRoute, PresetSource},
    mirror::Mirror,
    problem::Error,
    take::{self, Salvo, Taken},
    validate::invalid,
};

/// What a recall would do to one output.
#[derive(Debug)]
pub struct Change {
    /// The take.
    pub take: Take,
    /// What its picture shows now, or the level where it is of one only.
    pub from: Option<InputId>,
    /// What would happen.
    pub verdict: Verdict,
}

/// What would happen to an output.
#[derive(Debug)]
pub enum Verdict {
    /// It would show something else.
    Take,
    /// It shows that already.
    Keep,
    /// It is open and stays as it is.
    Open,
    /// The take would be refused.
    Refused(Error),
}

impl Verdict {
    /// Its word.
    pub fn word(&self) -> ChangeWord {
        match self {
            Self::Take => ChangeWord::Take,
            Self::Keep => ChangeWord::Keep,
            Self::Open => ChangeWord::Open,
            Self::Refused(_) => ChangeWord::Refused,
        }
    }

    /// Why it would be refused.
    pub fn problem(&self) -> Option<&Error> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// What a recall did.
#[derive(Debug)]
pub struct Recall {
    /// The salvo; none where all was as it should be.
    pub taken: Option<Taken>,
    /// Outputs left as they are because they are open.
    pub open: Vec<OutputId>,
}

/// The takes of a preset; `None` for an output that stays open.
fn takes(preset: &Preset, fill: &BTreeMap<OutputId, InputId>) -> Result<Vec<(Take, bool)>, Error> {
    let is_open = |output: &OutputId| {
        let mut routes = preset.routes.iter();
        routes.any(|route| route.output == *output && route.source == PresetSource::Open)
    };
    if let Some(output) = fill.keys().find(|output| !is_open(output)) {
        let reason = format!("'{output}' is not open in preset '{}'", preset.id);
        return Err(invalid("fill", reason));
    }
    let take = |route: &PresetRoute| {
        let (input, open) = match &route.source {
            PresetSource::Input(input) => (Some(input.clone()), false),
            PresetSource::Nothing => (None, false),
            PresetSource::Open => {
                let input = fill.get(&route.output).cloned();
                let open = input.is_none();
                (input, open)
            }
        };
        (Take { output: route.output.clone(), input, levels: route.levels.clone() }, open)
    };
    Ok(preset.routes.iter().map(take).collect())
}

/// Whether every level that a take concerns has, or shall have, what it takes there.
fn is_there(mirror: &Mirror, take: &Take) -> bool {
    let Some(output) = mirror.outputs.get(&take.output) else { return false };
    let input = take.input.as_ref();
    output.routes().filter(|(level, _)| take.concerns(*level)).all(|(level, route)| {
        let has = |id: &InputId| mirror.inputs.get(id).is_none_or(|now| now.has(level));
        let wanted = input.filter(|id| has(id));
        let on = route.input.as_ref().filter(|_| route.state != RouteState::None);
        on == wanted
    })
}

/// What a recall would change.
pub async fn preview(
    app: &Shared,
    actor: &Actor,
    preset: &Preset,
    fill: &BTreeMap<OutputId, InputId>,
    force: bool,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (take, open) in takes(preset, fill)? {
        let (from, there) = known(app, |mirror| {
            let level = take.levels.first().copied().unwrap_or(Level::Video);
            let route = mirror.outputs.get(&take.output).and_then(|now| now.route(level));
            let on = route.filter(|route| route.state != RouteState::None);
            (on.and_then(|route| route.input.clone()), is_there(mirror, &take))
        })?;
        let verdict = if open {
            Verdict::Open
        } else if there {
            Verdict::Keep
        } else {
            match take::allowed(app, actor, &take, force).await {
                Ok(()) => Verdict::Take,
                Err(error) => Verdict::Refused(error),
            }
        };
        changes.push(Change { take, from, verdict });
    }
    Ok(changes)
}

/// Recalls a preset as one salvo.
pub async fn recall(
    app: &Shared,
    actor: Actor,
    preset: &Preset,
    fill: &BTreeMap<OutputId, InputId>,
    wait_ms: u32,
    force: bool,
) -> Result<Recall, Error> {
    let (mut wanted, mut open) = (Vec::new(), Vec::new());
    for (take, stays_open) in takes(preset, fill)? {
        if stays_open {
            open.push(take.output);
        } else if !known(app, |mirror| is_there(mirror, &take))? {
            wanted.push(take);
        }
    }
    if wanted.is_empty() {
        return Ok(Recall { taken: None, open });
    }
    tracing::info!(preset = %preset.id, actor = actor.name, "recall");
    let taken = take::salvo(app, Salvo { actor, takes: wanted, wait_ms, force }).await?;
    Ok(Recall { taken: Some(taken), open })
}

/// What outputs show now, as routes of a preset. Levels that follow the picture are not named.
pub fn capture(app: &Shared, outputs: &[OutputId]) -> Result<Vec<PresetRoute>, Error> {
    if outputs.is_empty() {
        return Ok(Vec::new());
    }
    known(app, |mirror| {
        let mut routes = Vec::new();
        for id in outputs {
            let output = mirror.outputs.get(id);
            let output = output.ok_or_else(|| Error::UnknownOutput(id.to_string()))?;
            let on: Vec<(Level, Option<InputId>)> = output
                .routes()
                .map(|(level, route)| {
                    let shown = route.state != RouteState::None;
                    (level, route.input.clone().filter(|_| shown))
                })
                .collect();
            let source =
                |input: Option<InputId>| input.map_or(PresetSource::Nothing, PresetSource::Input);
            let picture = on.first().and_then(|(_, input)| input.clone());
            let whole = Take::new(id.clone(), picture.clone());
            if is_there(mirror, &whole) {
                let (output, source) = (id.clone(), source(picture));
                routes.push(PresetRoute { output, source, levels: Vec::new() });
            } else {
                routes.extend(on.into_iter().map(|(level, input)| PresetRoute {
                    output: id.clone(),
                    source: source(input),
                    levels: vec![level],
                }));
            }
        }
        Ok(routes)
    })?
}
