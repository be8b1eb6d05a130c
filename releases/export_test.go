package releases

// Chunk is how much of the journal is read at once.
const Chunk = chunk
