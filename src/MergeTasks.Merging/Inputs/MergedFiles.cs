namespace MergeTasks.Merging.Inputs;

/// <summary>
/// Names of the files that a merge adds to a model folder. In a folder that is an input they tell of an earlier merge and are not carried
/// on.
/// </summary>
internal static class MergedFiles
{
    /// <summary>What the output was made from, tensor by tensor; written last.</summary>
    public const string Manifest = "merge.manifest.json";

    /// <summary>Whose the folder is; belongs to this machine and not to the model.</summary>
    public const string Owner = ".merge.owner.json";

    /// <summary>The statement of provenance.</summary>
    public const string Provenance = "merge.provenance.json";

    /// <summary>How the names of GGUF files end.</summary>
    public const string GgufExtension = ".gguf";

    /// <summary>Whether a text is the name of a file of an output: in the folder itself, or with '/' in one below.</summary>
    public static bool IsName(string name) => name.Split('/') is { Length: <= 2 } parts
        && Array.TrueForAll(parts, part => part.Length > 0 && part is not ("." or "..") && part.AsSpan().IndexOfAny(['\\', ':', '\0']) < 0);

    /// <summary>What a file is called while it is prepared in a folder that has none below.</summary>
    public static string Prepared(string name) => name.Replace("/", "%2F", StringComparison.Ordinal);

    /// <summary>The model card, by the name that the Hugging Face Hub gives it.</summary>
    public const string Card = "README.md";
}
