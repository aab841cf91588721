using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Hub;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.Packages;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources;

/// <summary>The kinds of places that models come from, and what users write for a model.</summary>
internal static class SourceSchemes
{
    /// <summary>The schemes.</summary>
    public static IReadOnlyList<SourceScheme> All { get; } =
    [
        new HubScheme(),
        new PackageScheme(),
    ];

    private static string Valid => $"Valid: a path, {string.Join(", ", All.Select(scheme => scheme.Form))}.";

    /// <summary>Reads one reference: a path, a reference of one of the schemes, or mergekit's bare <c>org/name</c>.</summary>
    /// <param name="text">As written, without a LoRA adapter's <c>+</c>.</param>
    /// <param name="folders">Where relative paths may begin, the first that has one first; at least one.</param>
    /// <exception cref="SourceException"><see cref="SourceError.BadReference"/>.</exception>
    public static ModelReference Parse(string text, IReadOnlyList<string> folders)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (InputFile.WhyNoPath(text) is { } why)
            throw new SourceException(SourceError.BadReference, $"'{SafeName.Quote(text)}' names no model: {why}. {Valid}");
        if (Find(text) is { } named)
            return named.Parse(text[named.Prefix.Length..].Trim(), text);
        var candidates = folders.Select(folder => Normalize(Path.Combine(folder, text.Replace('\\', '/')))).Distinct().ToList();
        if (candidates.Find(path => Directory.Exists(path) || (IsWeights(path) && File.Exists(path))) is { } existing)
            return new PathReference(existing);
        if (Unknown(text) is { } prefix)
            throw new SourceException(SourceError.BadReference, $"'{text}': there are no references that begin with '{prefix}'. {Valid}");
        return Bare(text, folders) ?? new PathReference(candidates[^1]);
    }

    private static bool IsWeights(string path) =>
        WeightFiles.IsWeights(path) || path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    /// <summary>The scheme of a reference, or of its <see cref="ModelReference.Key"/>; <see langword="null"/> for a path.</summary>
    public static SourceScheme? Find(string text) =>
        All.FirstOrDefault(scheme => text.StartsWith(scheme.Prefix, StringComparison.OrdinalIgnoreCase));

    /// <summary>Asks the scheme of a name in the lock file; <see langword="null"/> for a path.</summary>
    public static string? Of(string key, Func<SourceScheme, ModelReference, string?> ask) =>
        Find(key) is { } scheme ? ask(scheme, Parse(key, [])) : null;

    /// <summary>Reads a lock file; empty where there is none.</summary>
    /// <exception cref="SourceException"><see cref="SourceError.BadLockFile"/>.</exception>
    public static IReadOnlyDictionary<string, LockedModel> ReadLock(string path) => LockFile.Read(path, IsSound);

    /// <summary>Whether a model is one that restoring writes: a record of it may have been edited or damaged.</summary>
    public static bool IsSound(RestoredModel? model) =>
        model is { Key.Length: > 0, Folder: { } folder }
            && !folder.Contains('\0', StringComparison.Ordinal)
            && Path.IsPathFullyQualified(folder)
        && IsSound(model.Locked);

    // A lock file edited by hand may hold anything, also names that lead elsewhere.
    private static bool IsSound(LockedModel? model) =>
        model is { HasSoundFiles: true } && All.Any(scheme => scheme.LockType == model.Type && scheme.IsResolved(model.Resolved));

    // A drive letter is no scheme; a file name with a colon would have been found.
    private static string? Unknown(string text) =>
        text.IndexOf(':', StringComparison.Ordinal) is > 1 and var colon && text[..colon].All(char.IsAsciiLetterOrDigit)
            ? text[..(colon + 1)]
            : null;

    // mergekit takes 'org/name' for a repository wherever no such folder exists. Where the first part is a folder, a mistyped path is
    // what was meant more probably, and asking a server about it would only hide the mistake.
    private static ModelReference? Bare(string text, IReadOnlyList<string> folders)
    {
        var parts = text.Split('@')[0].Split('/');
        return parts.Length == 2 && parts[0].Length > 0 && parts[0][0] is not ('.' or '~')
            && !folders.Any(folder => Directory.Exists(Path.Combine(folder, parts[0])))
            ? All.Select(scheme => scheme.ParseBare(text)).FirstOrDefault(reference => reference is not null) : null;
    }

    private static string Normalize(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
