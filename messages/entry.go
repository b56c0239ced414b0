package messages

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// CommandType numbers the commands in the log. Numbers are never used again.
type CommandType uint16

// Partition commands are below 100, meta commands from 100 on, those that all
// groups know from 200 on.
const (
	CommandEnqueue            CommandType = 1
	CommandEnqueueBatch       CommandType = 2
	CommandGrant              CommandType = 3
	CommandRevoke             CommandType = 4
	CommandEndSession         CommandType = 5
	CommandComplete           CommandType = 6
	CommandCancel             CommandType = 7
	CommandTick               CommandType = 8
	CommandConfigureProcessor CommandType = 9
	CommandConfigureSocket    CommandType = 10
	CommandRemoveSocket       CommandType = 11
	CommandRemoveProcessor    CommandType = 12
	CommandCompleteBatch      CommandType = 13
	CommandArrive             CommandType = 14
	CommandThrottle           CommandType = 15
	CommandConfigureQueue     CommandType = 16
	CommandRemoveQueue        CommandType = 17
	CommandPublish            CommandType = 18
	CommandFanOut             CommandType = 19
	CommandFireSchedule       CommandType = 20
	CommandRedriveDead        CommandType = 21
	CommandDropDead           CommandType = 22
	CommandEditDead           CommandType = 23
	CommandBind               CommandType = 24
	CommandSetFeatureLevel    CommandType = 25

	CommandPutChunk CommandType = 31

	CommandFound      CommandType = 100
	CommandNodeUp     CommandType = 101
	CommandNodeDown   CommandType = 102
	CommandNodeRemove CommandType = 103
	CommandCreate     CommandType = 104
	CommandUpdate     CommandType = 105
	CommandDelete     CommandType = 106
	CommandReport     CommandType = 107
	CommandPlaceGroup CommandType = 108

	CommandRaiseFeatureLevel CommandType = 109

	CommandDeliver   CommandType = 200
	CommandDelivered CommandType = 201
)

var commands = map[CommandType]func() proto.Message{
	CommandEnqueue:            func() proto.Message { return new(Enqueue) },
	CommandEnqueueBatch:       func() proto.Message { return new(EnqueueBatch) },
	CommandGrant:              func() proto.Message { return new(Grant) },
	CommandRevoke:             func() proto.Message { return new(Revoke) },
	CommandEndSession:         func() proto.Message { return new(EndSession) },
	CommandComplete:           func() proto.Message { return new(Complete) },
	CommandCancel:             func() proto.Message { return new(Cancel) },
	CommandTick:               func() proto.Message { return new(Tick) },
	CommandConfigureProcessor: func() proto.Message { return new(ConfigureProcessor) },
	CommandConfigureSocket:    func() proto.Message { return new(ConfigureSocket) },
	CommandRemoveSocket:       func() proto.Message { return new(RemoveSocket) },
	CommandRemoveProcessor:    func() proto.Message { return new(RemoveProcessor) },
	CommandCompleteBatch:      func() proto.Message { return new(CompleteBatch) },
	CommandArrive:             func() proto.Message { return new(Arrive) },
	CommandThrottle:           func() proto.Message { return new(Throttle) },
	CommandConfigureQueue:     func() proto.Message { return new(ConfigureQueue) },
	CommandRemoveQueue:        func() proto.Message { return new(RemoveQueue) },
	CommandPublish:            func() proto.Message { return new(Publish) },
	CommandFanOut:             func() proto.Message { return new(FanOut) },
	CommandPutChunk:           func() proto.Message { return new(PutChunk) },
	CommandFireSchedule:       func() proto.Message { return new(FireSchedule) },
	CommandRedriveDead:        func() proto.Message { return new(RedriveDead) },
	CommandDropDead:           func() proto.Message { return new(DropDead) },
	CommandEditDead:           func() proto.Message { return new(EditDead) },
	CommandBind:               func() proto.Message { return new(Bind) },
	CommandSetFeatureLevel:    func() proto.Message { return new(SetFeatureLevel) },
	CommandFound:              func() proto.Message { return new(Found) },
	CommandNodeUp:             func() proto.Message { return new(NodeUp) },
	CommandNodeDown:           func() proto.Message { return new(NodeDown) },
	CommandNodeRemove:         func() proto.Message { return new(NodeRemove) },
	CommandCreate:             func() proto.Message { return new(Create) },
	CommandUpdate:             func() proto.Message { return new(Update) },
	CommandDelete:             func() proto.Message { return new(Delete) },
	CommandReport:             func() proto.Message { return new(Report) },
	CommandPlaceGroup:         func() proto.Message { return new(PlaceGroup) },
	CommandRaiseFeatureLevel:  func() proto.Message { return new(RaiseFeatureLevel) },
	CommandDeliver:            func() proto.Message { return new(Deliver) },
	CommandDelivered:          func() proto.Message { return new(Delivered) },
}

// Command is one command as it stands in the log.
type Command struct {
	Type CommandType
	Body []byte // protobuf
}

// NewCommand makes the command that a message is.
func NewCommand(m proto.Message) (Command, error) {
	t, ok := TypeOf(m)
	if !ok {
		return Command{}, fmt.Errorf("encode command: %T is not a command", m)
	}
	body, err := Append(make([]byte, 0, roomFor(m)), m)
	if err != nil {
		return Command{}, fmt.Errorf("encode command %T: %w", m, err)
	}
	return Command{t, body}, nil
}

// Decode gives the command's message. An unknown type is an error that must
// stop the replica: it would diverge from those that know it.
func (c Command) Decode() (proto.Message, error) { return c.DecodeAfter(nil) }

// DecodeAfter is like Decode. Words that are the same in a message before it, as
// those of neighbours mostly are, are in memory once.
func (c Command) DecodeAfter(before proto.Message) (proto.Message, error) {
	if m, ok := decodeOften(c, before); ok {
		return m, nil
	}
	make, ok := commands[c.Type]
	if !ok {
		return nil, fmt.Errorf("decode command: type %d is unknown to this version", c.Type)
	}
	m := make()
	if err := proto.Unmarshal(c.Body, m); err != nil {
		return nil, fmt.Errorf("decode command of type %d: %w", c.Type, err)
	}
	return m, nil
}

// TypeOf is the number of a command's message.
func TypeOf(m proto.Message) (CommandType, bool) {
	switch m.(type) {
	case *Enqueue:
		return CommandEnqueue, true
	case *EnqueueBatch:
		return CommandEnqueueBatch, true
	case *Grant:
		return CommandGrant, true
	case *Revoke:
		return CommandRevoke, true
	case *EndSession:
		return CommandEndSession, true
	case *Complete:
		return CommandComplete, true
	case *Cancel:
		return CommandCancel, true
	case *Tick:
		return CommandTick, true
	case *ConfigureProcessor:
		return CommandConfigureProcessor, true
	case *ConfigureSocket:
		return CommandConfigureSocket, true
	case *RemoveSocket:
		return CommandRemoveSocket, true
	case *RemoveProcessor:
		return CommandRemoveProcessor, true
	case *CompleteBatch:
		return CommandCompleteBatch, true
	case *Arrive:
		return CommandArrive, true
	case *Throttle:
		return CommandThrottle, true
	case *ConfigureQueue:
		return CommandConfigureQueue, true
	case *RemoveQueue:
		return CommandRemoveQueue, true
	case *Publish:
		return CommandPublish, true
	case *FanOut:
		return CommandFanOut, true
	case *PutChunk:
		return CommandPutChunk, true
	case *FireSchedule:
		return CommandFireSchedule, true
	case *RedriveDead:
		return CommandRedriveDead, true
	case *DropDead:
		return CommandDropDead, true
	case *EditDead:
		return CommandEditDead, true
	case *Bind:
		return CommandBind, true
	case *SetFeatureLevel:
		return CommandSetFeatureLevel, true
	case *Found:
		return CommandFound, true
	case *NodeUp:
		return CommandNodeUp, true
	case *NodeDown:
		return CommandNodeDown, true
	case *NodeRemove:
		return CommandNodeRemove, true
	case *Create:
		return CommandCreate, true
	case *Update:
		return CommandUpdate, true
	case *Delete:
		return CommandDelete, true
	case *Report:
		return CommandReport, true
	case *PlaceGroup:
		return CommandPlaceGroup, true
	case *RaiseFeatureLevel:
		return CommandRaiseFeatureLevel, true
	case *Deliver:
		return CommandDeliver, true
	case *Delivered:
		return CommandDelivered, true
	}
	return 0, false
}

// EntryFormat is the first byte of a log entry.
const EntryFormat = 1

// MaxEntryCommands and MaxEntryBytes bound one log entry.
const (
	MaxEntryCommands = 512
	MaxEntryBytes    = 1 << 20
)

// Entry is what one log entry holds: commands that are applied as one batch,
// at one time. On disk: format, time (8 bytes, microseconds UTC), n, then n
// times type, length and body; numbers are uvarints unless said otherwise.
type Entry struct {
	Time     int64 // microseconds since 1970, UTC
	Commands []Command
}

// Append encodes the entry onto b.
func (e Entry) Append(b []byte) []byte {
	b = append(b, EntryFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time))
	b = binary.AppendUvarint(b, uint64(len(e.Commands)))
	for _, c := range e.Commands {
		b = binary.AppendUvarint(b, uint64(c.Type))
		b = binary.AppendUvarint(b, uint64(len(c.Body)))
		b = append(b, c.Body...)
	}
	return b
}

var errEntry = errors.New("decode log entry: it is cut short or malformed")

// DecodeEntry reads a log entry. The commands' bodies share b's memory.
func DecodeEntry(b []byte) (Entry, error) {
	var e Entry
	if len(b) < 10 {
		return e, errEntry
	}
	if b[0] != EntryFormat {
		return e, fmt.Errorf("decode log entry: format %d is unknown to this version", b[0])
	}
	e.Time = int64(binary.BigEndian.Uint64(b[1:9]))
	b = b[9:]
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)) {
		return e, errEntry
	}
	e.Commands = make([]Command, 0, n)
	for range n {
		var t, size uint64
		if t, b, ok = uvarint(b); !ok || t > 1<<16-1 {
			return e, errEntry
		}
		if size, b, ok = uvarint(b); !ok || size > uint64(len(b)) {
			return e, errEntry
		}
		e.Commands = append(e.Commands, Command{CommandType(t), b[:size:size]})
		b = b[size:]
	}
	if len(b) != 0 {
		return e, errEntry
	}
	return e, nil
}

func uvarint(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, b, false
	}
	return v, b[n:], true
}
