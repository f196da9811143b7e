//! A medium that has to fetch what it is asked for gives the same repository and the same reports.
#![allow(clippy::unwrap_used)]

use sarsen_core::ops::check::Depth;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{Contents, MemDisk, SimMedium};

fn life(patience_needed: bool) -> (Contents, Vec<String>) {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let mut said = Vec::new();
    let mut note = |what: String| said.push(what);
    let disk = MemDisk::random(5, 400_000);
    for step in 0..6 {
        medium.set_patience_needed(patience_needed);
        disk.write(step * 50_000, &MemDisk::random(step as u64, 20_000).bytes());
        let base = if step == 0 { "" } else { "vm" };
        let plan = Plan { name: "vm", base, checkpoint_bytes: 30_000, ..Plan::default() };
        note(format!("{:?}", rig.backup(&disk, &plan).unwrap()));
    }
    note(format!("{:?}", rig.check(Depth::Check).unwrap()));
    medium.set_patience_needed(patience_needed);
    let list = rig.list().unwrap();
    note(format!("{list:?} {:?}", rig.restore(&list[3]).unwrap().lost));
    medium.set_patience_needed(false);
    let oldest = list[0].id;
    rig.remove(|item| item.id == oldest).unwrap();
    medium.set_patience_needed(patience_needed);
    note(format!("{:?}", rig.gc().unwrap()));
    medium.set_patience_needed(patience_needed);
    note(format!("{:?}", rig.compact().unwrap()));
    medium.set_patience_needed(patience_needed);
    note(format!("{:?}", rig.check(Depth::Scrub).unwrap()));
    (medium.contents(), said)
}

#[test]
fn waiting_changes_nothing() {
    let (quick, slow) = (life(false), life(true));
    assert_eq!(quick.1, slow.1);
    assert_eq!(quick.0, slow.0);
}
