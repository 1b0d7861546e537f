//! Attacks on the running bot, a file for each place where an attacker may stand. Every test here fails when the defence is
//! taken away that `docs/security.md` names beside it.

mod browser;
mod floods;
mod host_page;
mod inert;
mod log;
mod paths;
mod proxy;
mod queries;
mod redis;
mod slow;
mod strangers;
mod timing;
mod trap;
mod wire;
