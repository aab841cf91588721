using System.Text.RegularExpressions;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>A model repository of the Hugging Face Hub, or of a server that speaks its protocol.</summary>
/// <param name="Repository"><c>org/name</c>, or the <c>name</c> of one of the Hub's oldest models.</param>
/// <param name="Revision">A branch, a tag or a commit.</param>
internal sealed partial record HubReference(string Repository, string Revision) : ModelReference
{
    private const string DefaultRevision = "main";
    private const int MaxLength = 200;

    /// <inheritdoc/>
    public override string Key => $"hf:{Repository}@{Revision}";

    /// <summary>Whether the revision is a commit, which never means anything else.</summary>
    public bool IsCommit => SafeName.IsCommit(Revision);

    internal static bool IsRepository(string text) =>
        text.Length <= MaxLength
            && RepositoryForm().IsMatch(text)
            && !text.Contains("--", StringComparison.Ordinal)
            && !text.Contains("..", StringComparison.Ordinal);

    internal static HubReference Parse(string text, string written)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var (repository, revision) = at < 0 ? (text, DefaultRevision) : (text[..at], text[(at + 1)..]);
        if (!IsRepository(repository))
            throw new SourceException(
                SourceError.BadReference,
                $"'{written}' does not name a repository: write hf:org/name, with @revision for a branch, tag or commit.");
        if (!IsRevision(revision))
            throw new SourceException(
                SourceError.BadReference,
                $"'{written}': '{revision}' is not a revision. It is a branch, a tag, or a commit of 40 hexadecimal digits.");
        return new HubReference(repository, revision);
    }

    // A revision becomes a path below refs/, so it is held to what Git itself allows, and to fewer characters.
    private static bool IsRevision(string text) =>
        text.Length is > 0 and <= MaxLength
            && text.Split('/').All(part => RevisionPart().IsMatch(part) && !part.EndsWith(".lock", StringComparison.Ordinal))
        && !text.Contains("..", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(/[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?)?\z")]
    private static partial Regex RepositoryForm();

    [GeneratedRegex(@"^[A-Za-z0-9_-][A-Za-z0-9_.+-]*(?<!\.)\z")]
    private static partial Regex RevisionPart();
}
