package messages

// Known is a set of the calls of a batch, a bit for each: what a client has of
// its results. Bits that are missing at the end are not set.
type Known []byte

// Has says whether call i is in the set.
func (k Known) Has(i int) bool { return i/8 < len(k) && k[i/8]>>(i%8)&1 == 1 }

// With puts call i into the set.
func (k Known) With(i int) Known {
	for len(k) <= i/8 {
		k = append(k, 0)
	}
	k[i/8] |= 1 << (i % 8)
	return k
}
