using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>Some layers of a model in a slice.</summary>
/// <param name="Model">The model with its own settings.</param>
/// <param name="Start">The first layer, from 0.</param>
/// <param name="End">The layer after the last one.</param>
/// <param name="RangeLocation">Where the layers are named.</param>
internal sealed record SliceSource(ModelDeclaration Model, int Start, int End, SourceLocation RangeLocation)
{
    /// <summary>Number of layers.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Length => End - Start;
}

/// <summary>A run of the output's layers, merged from as many layers of each source.</summary>
/// <param name="Sources">The sources in order.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record SliceDeclaration(IReadOnlyList<SliceSource> Sources, SourceLocation Location)
{
    /// <summary>The slice's own base model; <see langword="null"/> for the merge's.</summary>
    public ModelDeclaration? Base { get; init; }

    /// <summary>Settings of the slice, by parameter name.</summary>
    public IReadOnlyDictionary<string, Setting> Parameters { get; init; } = new Dictionary<string, Setting>();

    internal SliceDeclaration WithReferences(Func<ModelDeclaration, ModelDeclaration> replace) => this with
    {
        Sources = [.. Sources.Select(source => source with { Model = replace(source.Model) })],
        Base = Base is null ? null : replace(Base),
    };
}

/// <summary>A part of a checkpoint that is merged by its own rules: whole models or slices.</summary>
/// <param name="Name">Name of the part, as <see cref="Language.Declarations.ModelParts"/> knows it.</param>
/// <param name="Location">Where it is declared.</param>
internal sealed record ModuleDeclaration(string Name, SourceLocation Location)
{
    /// <summary>The models; empty where slices are given.</summary>
    public IReadOnlyList<ModelDeclaration> Models { get; init; } = [];

    /// <summary>The slices in order; empty where models are given.</summary>
    public IReadOnlyList<SliceDeclaration> Slices { get; init; } = [];

    /// <summary>Settings of the part, by parameter name.</summary>
    public IReadOnlyDictionary<string, Setting> Parameters { get; init; } = new Dictionary<string, Setting>();
}
