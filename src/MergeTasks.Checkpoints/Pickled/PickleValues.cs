namespace MergeTasks.Checkpoints.Pickled;

/// <summary>A name of Python code that a pickle mentions. It is never looked up: it is only compared with the few that are known.</summary>
/// <param name="Name">Module and name, such as <c>torch.FloatStorage</c>.</param>
internal sealed record PickledGlobal(string Name);

/// <summary>A dictionary: its pairs in order, so that a key that comes twice is seen.</summary>
internal sealed class PickledDictionary
{
    /// <summary>Keys and values.</summary>
    public List<(object? Key, object? Value)> Pairs { get; } = [];

    /// <summary>The last value of a text as key; <see langword="null"/> where there is none.</summary>
    public object? this[string key] => Pairs.FindLast(pair => pair.Key is string text && text == key).Value;
}

/// <summary>Elements that lie outside the pickle.</summary>
/// <param name="Type">The name of the storage's type.</param>
/// <param name="Key">Which elements.</param>
/// <param name="Count">How many.</param>
internal sealed record PickledStorage(string Type, string Key, long Count);

/// <summary>A tensor: a view of a storage.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="First">Its first element there.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="Strides">Elements from one place of a dimension to the next.</param>
internal sealed record PickledTensor(PickledStorage Storage, long First, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides);

/// <summary>What a pickle wanted, and is not allowed, or what is wrong with it.</summary>
/// <param name="reason">To follow the file's name.</param>
/// <param name="isRefused">Whether it is well-formed, but asks for more than weights.</param>
internal sealed class PickleException(string reason, bool isRefused = false) : Exception(reason)
{
    /// <summary>To follow the file's name.</summary>
    public string Reason => Message;

    /// <summary>Whether it is well-formed, but asks for more than weights.</summary>
    public bool IsRefused => isRefused;
}
