//! Small numbers for inputs and outputs, so that lanes index instead of searching.

/// Hands out the lowest free slot and remembers who has it.
#[derive(Debug)]
pub struct Slots<T> {
    holders: Vec<Option<T>>,
}

impl<T> Slots<T> {
    /// Room for so many.
    pub fn new(capacity: u16) -> Self {
        Self { holders: (0..capacity).map(|_| None).collect() }
    }

    /// A slot for a holder; gives the holder back when none is free.
    pub fn take(&mut self, holder: T) -> Result<u16, T> {
        match self.holders.iter().position(Option::is_none) {
            Some(slot) => {
                self.holders[slot] = Some(holder);
                Ok(slot as u16)
            }
            None => Err(holder),
        }
    }

    /// How many are free.
    pub fn room(&self) -> usize {
        self.holders.iter().filter(|holder| holder.is_none()).count()
    }

    /// Who has a slot.
    pub fn holder(&self, slot: u16) -> Option<&T> {
        self.holders.get(usize::from(slot)).and_then(Option::as_ref)
    }

    /// Gives a slot to another holder.
    pub fn hand_over(&mut self, slot: u16, holder: T) {
        if let Some(place) = self.holders.get_mut(usize::from(slot)) {
            *place = Some(holder);
        }
    }

    /// Frees a slot.
    pub fn free(&mut self, slot: u16) {
        if let Some(place) = self.holders.get_mut(usize::from(slot)) {
            *place = None;
        }
    }
}
