package main

// Colours of a terminal.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// colourful says whether a stream shows colours: a terminal, unless told not to.
func (c *cli) colourful(stream any) bool {
	return !c.noColor && c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb" && isTerminal(stream)
}

func (c *cli) paint(stream any, colour, text string) string {
	if !c.colourful(stream) {
		return text
	}
	return colour + text + plain
}

// paintState gives states the colour of how good they are.
func paintState(header, cell string) string {
	if header != "State" && header != "Status" {
		return cell
	}
	switch cell {
	case "finished", "running", "ready", "up":
		return green + cell + plain
	case "failed", "expired", "down":
		return red + cell + plain
	case "queued", "waiting", "starting", "building", "paused", "deleting":
		return yellow + cell + plain
	}
	return cell
}
