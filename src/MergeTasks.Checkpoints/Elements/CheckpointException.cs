namespace MergeTasks.Checkpoints.Elements;

/// <summary>What is wrong with a checkpoint on disk; callers map each value to a diagnostic code.</summary>
internal enum CheckpointError
{
    /// <summary>The folder does not exist.</summary>
    FolderNotFound,

    /// <summary>The folder has no weights in a format that is read.</summary>
    NoWeights,

    /// <summary>The weights are pickled (or another format that is refused on purpose).</summary>
    RefusedFormat,

    /// <summary>A safetensors file breaks the format's rules or is shorter than its header says.</summary>
    Malformed,

    /// <summary>An index file is not valid JSON, names files outside its folder, or disagrees with its shards.</summary>
    BadIndex,

    /// <summary><c>config.json</c> is missing or not a JSON object.</summary>
    BadConfig,

    /// <summary>An adapter's configuration or weights are missing, malformed, or do not fit the model.</summary>
    BadAdapter,

    /// <summary>An adapter of a kind that is not supported.</summary>
    RefusedAdapter,

    /// <summary>Weights that are quantised in a way that is not read.</summary>
    RefusedQuantization,

    /// <summary>The file cannot be opened or read (permissions, I/O error).</summary>
    Unreadable,
}

/// <summary>A checkpoint that cannot be used, with the file at fault and a message for its owner.</summary>
internal sealed class CheckpointException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What kind of fault.</param>
    /// <param name="path">Full path of the file or folder at fault.</param>
    /// <param name="message">One sentence: what is wrong and what would be valid.</param>
    /// <param name="inner">The cause, if another exception reported it.</param>
    public CheckpointException(CheckpointError error, string path, string message, Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
        Path = path;
    }

    /// <summary>What kind of fault.</summary>
    public CheckpointError Error { get; }

    /// <summary>Full path of the file or folder at fault.</summary>
    public string Path { get; }
}
