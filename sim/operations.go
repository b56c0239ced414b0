package sim

// operationKinds are what a run's operators do.
func operationKinds() []kind { return nil }
