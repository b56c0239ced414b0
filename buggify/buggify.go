// Package buggify names places where the simulated world makes happen often what
// happens seldom: a batch of one, a lost answer, a timer that is late. Nothing
// that a point does may be wrong, only unlikely. Anywhere but in the simulated
// world On is a constant, and the compiler leaves out what stands behind it.
package buggify

// Point is such a place.
type Point string

// Points that there are.
const (
	SmallEntry    Point = "small-entry"    // a log entry takes one command
	SmallAppend   Point = "small-append"   // followers get one entry at a time
	LostAnswer    Point = "lost-answer"    // who proposed a command does not learn what became of it
	EarlySnapshot Point = "early-snapshot" // a snapshot is taken though little was applied
	EarlyPage     Point = "early-page"     // an entry's changes go to the state store at once
	ColdCache     Point = "cold-cache"     // an entry is read from the log that the cache holds
	SmallCarry    Point = "small-carry"    // the outbox is carried one message at a time
	CarryAgain    Point = "carry-again"    // what was delivered is delivered again
	LateTimer     Point = "late-timer"     // a partition's alarm goes off a second late
	EarlyTimer    Point = "early-timer"    // and at once, though nothing is due
	WideWindow    Point = "wide-window"    // a slot holds as many calls as it may ever
	EarlyWatch    Point = "early-watch"    // a call counts as slow as soon as it runs
	LostTell      Point = "lost-tell"      // a message to an actor on another node is lost
	SmallPage     Point = "small-page"     // lists are merged one row at a time
)

// All are the points, in the order in which they are listed.
func All() []Point {
	return []Point{SmallEntry, SmallAppend, LostAnswer, EarlySnapshot, EarlyPage, ColdCache, SmallCarry, CarryAgain, LateTimer, EarlyTimer, WideWindow, EarlyWatch, LostTell, SmallPage}
}

// Variable is the environment variable that names the points that are on, with
// commas between them.
const Variable = "SIM_BUGGIFY"
