/// Version of this library, kept in the files that it writes.
public let libraryVersion = "0.1.0"
