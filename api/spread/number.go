package spread

import (
	"bytes"
	"strconv"
)

// safeDigits is how many characters a number without exponent may have and be
// a float for sure: the largest has 309 digits before its point.
const safeDigits = 308

// infinite gives the first number in a valid text that readers make infinity
// of; nil: there is none. Whole numbers are read as they are, however long.
func infinite(text []byte) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			i += stringEnd(text[i:]) - 1
		case c == '-' || '0' <= c && c <= '9':
			number := text[i : i+numberEnd(text[i:])]
			if overflows(number) {
				return number
			}
			i += len(number) - 1
		}
	}
	return nil
}

// numberEnd is the length of the valid number that text begins with.
func numberEnd(text []byte) int {
	for i, c := range text {
		if !('0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E') {
			return i
		}
	}
	return len(text)
}

func overflows(number []byte) bool {
	exponent := bytes.ContainsAny(number, "eE")
	if !exponent && (len(number) <= safeDigits || !bytes.Contains(number, []byte("."))) {
		return false
	}
	_, err := strconv.ParseFloat(string(number), 64)
	return err != nil
}
