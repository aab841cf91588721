using System.IO.Enumeration;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Options;

/// <summary>Which of an output's tensors are merged, by globs over their whole names: '*' stands for any characters, '?' for one.</summary>
/// <param name="Merged">Only tensors that one of these fits are merged; empty for all.</param>
/// <param name="Kept">Tensors that one of these fits are not merged, but the base's.</param>
internal sealed record TensorSelection(IReadOnlyList<string> Merged, IReadOnlyList<string> Kept)
{
    /// <summary>All tensors are merged.</summary>
    public static readonly TensorSelection All = new([], []);

    /// <summary>Where the globs stand.</summary>
    public SourceLocation? Location { get; init; }

    /// <summary>Whether a tensor is merged.</summary>
    public bool Includes(string tensor) =>
        (Merged.Count == 0 || Merged.Any(glob => Matches(glob, tensor))) && !Kept.Any(glob => Matches(glob, tensor));

    /// <summary>Whether a glob fits a tensor's name.</summary>
    public static bool Matches(string glob, string tensor) => FileSystemName.MatchesSimpleExpression(glob, tensor, ignoreCase: false);
}
