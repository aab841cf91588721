using System.Buffers;
using MergeTasks.Files;

namespace MergeTasks.Sources.References;

/// <summary>Names from the network and from files that anybody may have edited, before they become part of a path.</summary>
internal static class SafeName
{
    private const int MaxLength = 255;

    // What separates folders or means something else on one platform or another.
    private static readonly SearchValues<char> Reserved = SearchValues.Create("/\\:*?\"<>|");

    /// <summary>Whether a text names a file in a folder and nothing else, on every platform.</summary>
    public static bool IsFileName(string name) =>
        name.Length is > 0 and <= MaxLength && name is not ("." or "..") && name.AsSpan().IndexOfAny(Reserved) < 0
        && !name.Any(char.IsControl) && name[^1] is not ('.' or ' ');

    /// <summary>Whether a text names a file in a folder, or one folder below, with '/', and nothing else.</summary>
    public static bool IsPath(string name) => name.Split('/') is { Length: <= 2 } parts && parts.All(IsFileName);

    /// <summary>Whether a text is a Git object name: 40 lower-case hexadecimal digits.</summary>
    public static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Whether a text is a SHA-256: 64 lower-case hexadecimal digits.</summary>
    public static bool IsSha256(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Text from a server as part of a message: one line, of bounded length.</summary>
    public static string Quote(string text) => MessageText.Shown(text, MaxLength);
}
