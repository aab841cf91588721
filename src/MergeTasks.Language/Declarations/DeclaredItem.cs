using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>An item of a project file.</summary>
/// <param name="Type">Item type, such as <c>MergedModel</c>.</param>
/// <param name="Include">The item's value.</param>
/// <param name="Metadata">Its metadata, names compared without case.</param>
/// <param name="File">Full path of the file that defines it.</param>
internal sealed record DeclaredItem(string Type, string Include, IReadOnlyDictionary<string, string> Metadata, string File)
{
    /// <summary>A metadata value; <see langword="null"/> where absent or empty.</summary>
    public string? this[string metadata] =>
        Metadata.TryGetValue(metadata, out var value) && value.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>How many items of the same value, compared without case, come before this one in the project.</summary>
    public int Occurrence { get; init; }

    /// <summary>The item that it was made of, where the project does not hold it itself: a reference to another project.</summary>
    public DeclaredItem? Origin { get; init; }

    /// <summary>Where the item stands, found only when a message needs it.</summary>
    public SourceLocation Location => Origin?.Location ?? ProjectFile.Find(File, Type, Include, Occurrence, null);

    /// <summary>Where one of its metadata stands.</summary>
    public SourceLocation LocationOf(string metadata) =>
        Origin?.LocationOf(metadata == "Into" ? "MergeInto" : metadata) ?? ProjectFile.Find(File, Type, Include, Occurrence, metadata);
}
