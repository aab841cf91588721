namespace MergeTasks.Sources.References;

/// <summary>What a user writes for one model: a path, <c>hf:org/name@revision</c>, <c>nuget:Id/1.2.0</c>, or mergekit's bare <c>org/name</c>.</summary>
internal abstract record ModelReference
{
    private const string Valid = "Valid: a path, hf:org/name@revision, nuget:Id/1.2.0.";

    /// <summary>The reference in its canonical form, which is its name in the lock file.</summary>
    public abstract string Key { get; }

    /// <summary>Reads one reference.</summary>
    /// <param name="text">As written, without a LoRA adapter's <c>+</c>.</param>
    /// <param name="folders">Where relative paths may begin, the first that has one first; at least one.</param>
    /// <exception cref="SourceException"><see cref="SourceError.BadReference"/>.</exception>
    public static ModelReference Parse(string text, IReadOnlyList<string> folders)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new SourceException(SourceError.BadReference, $"'{SafeName.Quote(text)}' holds a NUL character, which no name has. {Valid}");
        if (After(text, "hf:") is { } repository)
            return HubReference.Parse(repository, text);
        if (After(text, "nuget:") is { } package)
            return PackageReference.Parse(package, text);
        var candidates = folders.Select(folder => Normalize(Path.Combine(folder, text.Replace('\\', '/')))).Distinct().ToList();
        if (candidates.Find(Directory.Exists) is { } existing)
            return new PathReference(existing);
        if (Scheme(text) is { } scheme)
            throw new SourceException(SourceError.BadReference, $"'{text}': there are no references that begin with '{scheme}'. {Valid}");
        return IsBare(text, folders) ? HubReference.Parse(text, text) : new PathReference(candidates[^1]);
    }

    private static string? After(string text, string scheme) =>
        text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? text[scheme.Length..].Trim() : null;

    // A drive letter is no scheme; a file name with a colon would have been found.
    private static string? Scheme(string text) =>
        text.IndexOf(':', StringComparison.Ordinal) is > 1 and var colon && text[..colon].All(char.IsAsciiLetterOrDigit) ? text[..(colon + 1)] : null;

    // mergekit takes 'org/name' for a repository wherever no such folder exists. Where the first part is a folder, a mistyped path is
    // what was meant more probably, and asking a server about it would only hide the mistake.
    private static bool IsBare(string text, IReadOnlyList<string> folders)
    {
        var parts = text.Split('@')[0].Split('/');
        return parts.Length == 2 && parts[0].Length > 0 && parts[0][0] is not ('.' or '~') && HubReference.IsRepository(text.Split('@')[0])
            && !folders.Any(folder => Directory.Exists(Path.Combine(folder, parts[0])));
    }

    private static string Normalize(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}

/// <summary>A folder on this machine, which may not exist.</summary>
/// <param name="Folder">Full path.</param>
internal sealed record PathReference(string Folder) : ModelReference
{
    /// <inheritdoc/>
    public override string Key => Folder;
}
