//! The HTTP API: one file a noun, and the table of its calls.

pub mod alarms;
mod analysis;
pub mod backup;
pub mod body;
pub mod config;
mod examples;
pub mod findings;
mod inputs;
pub mod levels;
pub mod locks;
mod merge;
mod monitors;
mod outputs;
pub mod presets;
mod probes;
mod reference;
mod routes;
mod salvos;
pub mod schema;
mod site;
mod sse;
pub mod stream;
mod takes;
mod thumbnails;
pub mod view;
pub mod zones;

use axum::{Router, routing::get};
use utoipa::{OpenApi, openapi::RefOr};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::Shared, problem::MEDIA_TYPE as PROBLEM};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ormatrix",
        description = "Routes uncompressed ST 2110 video, audio and ancillary data in an operating room. Errors are \
                       RFC 9457 problems; decide by `type` and `status`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(crate::problem::Problem)),
    tags(
        (name = "inputs", description = "What enters the matrix"),
        (name = "outputs", description = "What leaves the matrix, and what it shows"),
        (name = "presets", description = "Routes that are recalled together"),
        (name = "zones", description = "Rooms, and where displays hang in them"),
        (name = "site", description = "Everything that is configured, as one file"),
        (name = "monitors", description = "Thinned copies of inputs, for stills"),
        (name = "analysis", description = "How streams are timed and built, as a watcher measures"),
        (name = "backup", description = "What is configured, kept elsewhere"),
        (name = "alarms", description = "What is wrong, and who has seen it"),
        (name = "events", description = "What happens, as it happens"),
        (name = "probes", description = "Whether the processes are well"),
    )
)]
struct Described;

fn described() -> OpenApiRouter<Shared> {
    let api = OpenApiRouter::new()
        .routes(routes!(inputs::list, inputs::create))
        .routes(routes!(inputs::show, inputs::put, inputs::remove))
        .routes(routes!(inputs::sdp))
        .routes(routes!(thumbnails::show, thumbnails::put))
        .routes(routes!(monitors::list))
        .routes(routes!(monitors::put, monitors::remove))
        .routes(routes!(outputs::list, outputs::create))
        .routes(routes!(outputs::show, outputs::put, outputs::remove))
        .routes(routes!(outputs::sdp))
        .routes(routes!(routes::put, routes::remove))
        .routes(routes!(salvos::list, salvos::create))
        .routes(routes!(salvos::remove))
        .routes(routes!(takes::list))
        .routes(routes!(takes::undo))
        .routes(routes!(takes::park))
        .routes(routes!(locks::list))
        .routes(routes!(locks::put, locks::remove))
        .routes(routes!(presets::list, presets::create))
        .routes(routes!(presets::show, presets::put, presets::remove))
        .routes(routes!(presets::preview))
        .routes(routes!(presets::recall))
        .routes(routes!(zones::list))
        .routes(routes!(zones::show, zones::put, zones::remove))
        .routes(routes!(site::export, site::apply))
        .routes(routes!(findings::put))
        .routes(routes!(analysis::wanted))
        .routes(routes!(analysis::input, analysis::put_input))
        .routes(routes!(analysis::output, analysis::put_output))
        .routes(routes!(backup::show))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::history))
        .routes(routes!(alarms::acknowledge))
        .routes(routes!(alarms::report::put, alarms::report::remove))
        .routes(routes!(backup::restore))
        .routes(routes!(sse::listen))
        .routes(routes!(probes::router));
    OpenApiRouter::with_openapi(Described::openapi())
        .nest("/api/v1", api)
        .routes(routes!(probes::livez))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
        .routes(routes!(probes::openapi))
}

/// Every call, and the page that describes them.
pub fn router() -> Router<Shared> {
    described().split_for_parts().0.route("/reference", get(reference::page))
}

/// The description of every call, as `/openapi.json` answers it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = described().split_for_parts().1;
    for item in openapi.paths.paths.values_mut() {
        for call in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete] {
            let Some(responses) = call.as_mut().map(|call| &mut call.responses.responses) else {
                continue;
            };
            // Whatever is not described by its status is a problem.
            let Some(RefOr::T(problem)) = responses.get_mut("default") else { continue };
            if let Some(content) = problem.content.shift_remove("application/json") {
                problem.content.insert(PROBLEM.to_owned(), content);
            }
        }
    }
    examples::add(&mut openapi);
    openapi
}
