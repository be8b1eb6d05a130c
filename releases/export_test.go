package releases

// Chunk is how much of the journal is read at once.
const Chunk = chunk

// LookBack is how many starts a compaction leaves.
const LookBack = lookBack

// CompactTo is Compact for journals of more than most bytes.
func (l *Lock) CompactTo(room, most int64) (int, error) { return l.compact(room, most) }
