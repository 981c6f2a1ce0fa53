//! Parts of the engine that hand-written loops use too, compiled into this program.

#[path = "../../src/ad/functions.rs"]
pub mod functions;
#[path = "../../src/ad/isa.rs"]
pub mod isa;
