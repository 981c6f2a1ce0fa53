//! What went wrong, and where: from a problem and an outcome that is no answer to names, lines and numbers.
//!
//! | file | what it finds |
//! | --- | --- |
//! | `chain` | bounds that follow from rows until one cannot hold |
//! | `places` | the names and places of quantities |

pub mod chain;
mod places;
