//! Sets of numbers as ranges: ports and addresses, however many, in bounded memory.

/// Ranges that a set keeps. Numbers beyond them are counted, not listed.
const MOST_RANGES: usize = 1024;

/// A set of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Sorted, disjoint and not adjacent; both ends included.
    ranges: Vec<(u128, u128)>,
    unlisted: u64,
}

impl Ranges {
    /// Adds a number; a second time it changes nothing.
    pub fn insert(&mut self, number: u128) {
        let next = self.ranges.partition_point(|&(first, _)| first <= number);
        let before = next.checked_sub(1).filter(|&index| self.ranges[index].1 >= number.saturating_sub(1));
        let joins_next = self.ranges.get(next).is_some_and(|&(first, _)| first - 1 == number);
        match (before, joins_next) {
            (Some(before), true) => self.ranges[before].1 = self.ranges.remove(next).1,
            (Some(before), false) => self.ranges[before].1 = self.ranges[before].1.max(number),
            (None, true) => self.ranges[next].0 = number,
            (None, false) if self.ranges.len() < MOST_RANGES => self.ranges.insert(next, (number, number)),
            (None, false) => self.unlisted += 1,
        }
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u128)> {
        self.ranges.iter().copied()
    }

    /// Each number, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u128> {
        self.iter().flat_map(|(first, last)| first..=last)
    }

    /// All numbers.
    pub fn count(&self) -> u128 {
        self.iter().map(|(first, last)| last - first + 1).sum::<u128>() + u128::from(self.unlisted)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(numbers: impl IntoIterator<Item = u128>) -> Ranges {
        let mut ranges = Ranges::default();
        numbers.into_iter().for_each(|number| ranges.insert(number));
        ranges
    }

    #[test]
    fn neighbours_join_in_any_order() {
        for order in [[1, 2, 3, 5], [5, 3, 1, 2], [3, 1, 5, 2], [2, 3, 1, 5]] {
            assert_eq!(of(order).ranges, [(1, 3), (5, 5)], "{order:?}");
        }
        assert_eq!(of([7, 7, 6, 7]).ranges, [(6, 7)]);
        assert_eq!(of([u128::MAX, 0, u128::MAX - 1]).ranges, [(0, 0), (u128::MAX - 1, u128::MAX)]);
    }

    #[test]
    fn every_number_is_in_it_once() {
        // A permutation of 0..997 (7 and 997 are coprime), then some of them again.
        let shuffled: Vec<u128> = (0..600).map(|n| n * 7 % 997).chain(0..50).collect();
        let set: BTreeSet<u128> = shuffled.iter().copied().collect();
        let ranges = of(shuffled);
        assert!(ranges.numbers().eq(set.iter().copied()));
        assert_eq!(ranges.count(), set.len() as u128);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let ranges = of((0..2 * MOST_RANGES as u128).map(|n| n * 2));
        assert_eq!((ranges.ranges.len(), ranges.unlisted as usize), (MOST_RANGES, MOST_RANGES));
        assert_eq!(ranges.count(), 2 * MOST_RANGES as u128);
    }
}
