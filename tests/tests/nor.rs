//! A repository on NOR flash: on a chip that is as strict as any, that wears, has bad blocks, and loses power in the middle of everything.
#![allow(clippy::unwrap_used, clippy::panic)]

use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name};
use sarsen_core::nor::Refused;
use sarsen_core::types::SegmentNumber;
use sarsen_tests::Random;
use sarsen_tests::nor::{SimFlash, SpiFlash, mounted};

const ONE: SegmentNumber = SegmentNumber(1);
const FOUR: SegmentNumber = SegmentNumber(4);

#[test]
fn what_was_appended_is_read_again_after_the_next_mount() {
    let flash = SpiFlash::new(1, 16);
    let bytes = Random::new(2).bytes(10_000);
    mounted(&flash, 1, |medium| {
        medium.create(ONE).unwrap();
        bytes.chunks(2000).for_each(|piece| medium.append(ONE, piece).unwrap());
        medium.sync(ONE).unwrap();
        medium.create(FOUR).unwrap();
    })
    .unwrap();
    mounted(&flash, 1, |medium| {
        let (name, mut to) = (Name::Segment(ONE), vec![0; 10_000]);
        assert_eq!(medium.len(name), Ok(10_000));
        medium.read(name, 0, &mut to).unwrap();
        assert!(to == bytes);
        assert_eq!((medium.read(name, 9_999, &mut to[..1]), to[0]), (Ok(()), bytes[9_999]));
        assert_eq!(medium.read(name, 9_999, &mut to[..2]), Err(Trouble::Short));
        assert_eq!(medium.read(name, u64::MAX, &mut to[..2]), Err(Trouble::Short));
        assert_eq!(medium.len(Name::Segment(FOUR)), Ok(0));
        assert_eq!(medium.append(ONE, &[0; 16]), Err(Trouble::ReadOnly), "what a power cut may have spoilt is not gone on with");
    })
    .unwrap();
}

#[test]
fn any_words_that_flashes_have_will_do() {
    fn try_one<const READ: usize, const WRITE: usize, const ERASE: usize>(blocks: usize) {
        let flash = SimFlash::<READ, WRITE, ERASE>::new(1, 8 * blocks);
        let bytes = Random::new(2).bytes(8192);
        mounted(&flash, blocks, |medium| {
            assert_eq!(medium.rules().write_bytes as usize, WRITE.max(16));
            medium.create(ONE).unwrap();
            bytes.chunks(256).for_each(|piece| medium.append(ONE, piece).unwrap());
        })
        .unwrap();
        mounted(&flash, blocks, |medium| {
            assert_eq!(medium.len(Name::Segment(ONE)), Ok(8192));
            for (at, len) in [(0, 8192), (1, 1), (4001, 200), (8191, 1), (3, 5000)] {
                let mut to = vec![0; len];
                medium.read(Name::Segment(ONE), at as u64, &mut to).unwrap();
                assert!(to == bytes[at..at + len], "{len} bytes at {at}, words of {READ} and {WRITE}");
            }
        })
        .unwrap();
    }
    try_one::<1, 1, 4096>(1);
    try_one::<4, 4, 4096>(2);
    try_one::<1, 8, 2048>(1);
    try_one::<32, 32, 8192>(1);
    try_one::<256, 256, 65536>(1);
    try_one::<16, 256, 512>(8);
}

#[test]
fn names_are_walked_in_order_and_made_once() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 1, |medium| {
        [FOUR, ONE].into_iter().for_each(|number| medium.create(number).unwrap());
        assert_eq!([None, Some(ONE), Some(FOUR)].map(|after| medium.next(after).unwrap()), [Some(ONE), Some(FOUR), None]);
        assert_eq!([None, Some(FOUR), Some(ONE)].map(|before| medium.previous(before).unwrap()), [Some(FOUR), Some(ONE), None]);
        assert_eq!(medium.create(ONE), Err(Trouble::Exists));
        medium.remove(ONE).unwrap();
        assert_eq!(medium.remove(ONE), Err(Trouble::Gone));
        assert_eq!(medium.append(ONE, &[0; 16]), Err(Trouble::Gone));
        assert_eq!(medium.len(Name::Pin), Err(Trouble::Gone));
    })
    .unwrap();
    mounted(&flash, 1, |medium| assert_eq!((medium.next(None), medium.previous(None)), (Ok(Some(FOUR)), Ok(Some(FOUR))))).unwrap();
}

#[test]
fn a_full_flash_says_so_and_what_is_held_back_stays_free() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 1, |medium| {
        assert_eq!(medium.hold(1 << 20), Err(Trouble::Full));
        medium.hold(20_000).unwrap();
        medium.create(ONE).unwrap();
        let appended = (0..100).take_while(|_| medium.append(ONE, &[1; 2000]).is_ok()).count();
        assert_eq!(appended * 2000 / 4016, 11 - 1, "five runs are held of sixteen");
        assert_eq!(medium.append(ONE, &[1; 2000]), Err(Trouble::Full));
        medium.hold(0).unwrap();
        (0..8).for_each(|_| medium.append(ONE, &[1; 2000]).unwrap());
        medium.remove(ONE).unwrap();
        medium.hold(40_000).unwrap();
    })
    .unwrap();
}

#[test]
fn a_flash_is_not_taken_for_what_it_is_not() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 2, |medium| medium.create(ONE).unwrap()).unwrap();
    assert_eq!(mounted(&flash, 1, |_| ()), Err(Refused::Divided { run_bytes: 8192 }));
    assert_eq!(mounted(&flash, 4, |_| ()), Err(Refused::Divided { run_bytes: 8192 }));
    assert_eq!(mounted(&flash, 32, |_| ()), Err(Refused::Geometry));
    flash.cut_at(0);
    mounted(&flash, 2, |medium| assert!(medium.create(FOUR).is_err())).unwrap();
    assert_eq!(mounted(&flash, 2, |_| ()), Err(Refused::Failed));
}
