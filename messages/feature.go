package messages

// FeatureLevel is the highest feature level that this build supports. A release
// that writes to the log, or to a group's state, what the one before cannot read
// raises it by one, and does so only where the group's state says that level.
//
// Level 0 is a network that was never told one, 1 is one that was. Nothing else
// follows from them.
const FeatureLevel = 1
