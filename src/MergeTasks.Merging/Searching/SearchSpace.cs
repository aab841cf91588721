using MergeTasks.Language.Searching;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics.Optimizing;

namespace MergeTasks.Merging.Searching;

/// <summary>The axes of a search as coordinates of points, and points as settings.</summary>
internal sealed class SearchSpace
{
    private readonly IReadOnlyList<SearchAxis> _axes;

    /// <summary>Makes it.</summary>
    /// <param name="axes">The axes, that of the method first.</param>
    /// <param name="methods">Knows which method has which parameter.</param>
    public SearchSpace(IReadOnlyList<SearchAxis> axes, MethodCatalog methods)
    {
        _axes = axes;
        Dimensions = [.. axes.SelectMany(axis => Of(axis, Condition(axis, methods)))];
    }

    /// <summary>The coordinates.</summary>
    public IReadOnlyList<SearchDimension> Dimensions { get; }

    /// <summary>The settings that a point stands for.</summary>
    public SearchedSettings SettingsOf(IReadOnlyList<double> point)
    {
        var settings = new List<SearchedSetting>();
        var at = 0;
        foreach (var axis in _axes)
        {
            var own = point.Skip(at).Take(axis.Layers).ToList();
            at += axis.Layers;
            if (!double.IsNaN(own[0]))
                settings.Add(new SearchedSetting(axis.Name, Text(axis, own)) { Source = axis.Source });
        }

        return new SearchedSettings(settings);
    }

    private static string Text(SearchAxis axis, List<double> point)
    {
        if (axis.Values.Count > 0)
            return axis.Values[(int)point[0]];
        var written = point.ConvertAll(value => axis.Written(axis.IsLogarithmic ? Math.Exp(value) : value));
        return axis.Layers == 1 ? written[0] : $"[{string.Join(", ", written)}]";
    }

    private static IEnumerable<SearchDimension> Of(SearchAxis axis, Func<IReadOnlyList<double>, bool>? condition) =>
        axis.Values.Count > 0 ? [SearchDimension.OneOf(axis.Values.Count) with { IsActive = condition }]
            : Enumerable.Range(0, axis.Layers).Select(_ => (axis.IsLogarithmic
                ? SearchDimension.Between(Math.Log(axis.Low), Math.Log(axis.High))
                : SearchDimension.Between(axis.Low, axis.High)) with
            { IsActive = condition });

    // A parameter means something where the method reads it.
    private Func<IReadOnlyList<double>, bool>? Condition(SearchAxis axis, MethodCatalog methods)
    {
        if (axis.Kind != AxisKind.Parameter || _axes[0].Kind != AxisKind.Method)
            return null;
        bool[] has = [
            .. _axes[0].Values.Select(name =>
                methods.Find(name)?.Parameters.Any(parameter => parameter.Name == axis.Parameter && !parameter.IsIdle) == true)
        ];
        return Array.TrueForAll(has, having => having) ? null : point => has[(int)point[0]];
    }
}
