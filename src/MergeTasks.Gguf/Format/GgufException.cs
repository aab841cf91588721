namespace MergeTasks.Gguf.Format;

/// <summary>What is wrong with a model that is to become a GGUF file, or with a GGUF file.</summary>
internal enum GgufError
{
    /// <summary>The format's readers know no such architecture, or not with these settings.</summary>
    UnknownArchitecture,

    /// <summary>The format cannot say what the tokenizer does.</summary>
    UnknownTokenizer,

    /// <summary>A tensor is missing, or has a shape or type that does not fit.</summary>
    WrongTensor,

    /// <summary>A file breaks the format's rules.</summary>
    Malformed,
}

/// <summary>A model that cannot be written as GGUF, or a GGUF file that cannot be read.</summary>
internal sealed class GgufException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What kind of fault.</param>
    /// <param name="message">What is wrong, and what would be valid.</param>
    /// <param name="inner">The cause, if another exception reported it.</param>
    public GgufException(GgufError error, string message, Exception? inner = null)
        : base(message, inner) => Error = error;

    /// <summary>What kind of fault.</summary>
    public GgufError Error { get; }
}
