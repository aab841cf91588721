namespace MergeTasks.Transformers.Architecture;

/// <summary>What is wrong with a model or with what it was asked; callers map each value to a diagnostic code.</summary>
internal enum ModelError
{
    /// <summary><c>model_type</c> or <c>architectures</c> names something that the engine does not compute.</summary>
    UnknownFamily,

    /// <summary>A configuration field has a value that changes the arithmetic in a way that the engine does not compute.</summary>
    UnsupportedValue,

    /// <summary>A configuration field has the wrong kind, is out of range, or contradicts another.</summary>
    BadConfiguration,

    /// <summary>The checkpoint lacks a tensor that the configuration calls for.</summary>
    MissingTensor,

    /// <summary>A tensor's shape or element type does not fit the configuration.</summary>
    WrongTensor,

    /// <summary>Token ids, positions, labels or lengths that this model cannot take.</summary>
    BadInput,

    /// <summary>The engine's device, or a library that it needs, is not there or does not work.</summary>
    NoDevice,

    /// <summary>The engine's device has too little memory.</summary>
    NoMemory,
}

/// <summary>A model that cannot be run, or a request that it cannot take; raised before any arithmetic.</summary>
internal sealed class ModelException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What kind of fault.</param>
    /// <param name="message">What is wrong and what would be valid.</param>
    /// <param name="path">The file at fault, where there is one.</param>
    /// <param name="inner">The cause, if another exception reported it.</param>
    public ModelException(ModelError error, string message, string? path = null, Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
        Path = path;
    }

    /// <summary>What kind of fault.</summary>
    public ModelError Error { get; }

    /// <summary>The file at fault, where there is one.</summary>
    public string? Path { get; }
}
