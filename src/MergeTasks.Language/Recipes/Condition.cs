using System.Text.Json;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Recipes;

/// <summary>A value for some tensors.</summary>
/// <param name="Value">The value: a number or a gradient.</param>
public sealed record Condition(Setting Value)
{
    /// <summary>Text that the tensor's name must contain; <see langword="null"/> or <c>*</c>: any.</summary>
    public string? Filter { get; init; }

    /// <summary>Globs one of which must fit the tensor's whole name; empty: any.</summary>
    public IReadOnlyList<string> Tensors { get; init; } = [];

    /// <summary>Where it stands, if it is read from a recipe.</summary>
    public SourceLocation? Location { get; init; }

    /// <summary>Whether it is about a tensor.</summary>
    public bool Matches(string tensor) =>
        (Filter is null or "*" || tensor.Contains(Filter, StringComparison.Ordinal))
        && (Tensors.Count == 0 || Tensors.Any(glob => TensorSelection.Matches(glob, tensor)));

    /// <summary>As YAML.</summary>
    public override string ToString()
    {
        var filter = Filter is null ? "" : $"filter: {JsonSerializer.Serialize(Filter)}, ";
        var tensors = Tensors.Count == 0 ? "" : $"tensors: [{string.Join(", ", Tensors.Select(glob => JsonSerializer.Serialize(glob)))}], ";
        return $"{{{filter}{tensors}value: {Value}}}";
    }
}
