using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>All merge methods, by name.</summary>
internal static class MergeMethods
{
    /// <summary>The methods in the order of the reference.</summary>
    public static IReadOnlyList<MergeMethod> All { get; } =
    [
        new LinearMethod(),
        new SlerpMethod(),
        new NuslerpMethod(),
        new MultislerpMethod(),
        new KarcherMethod(),
        new ModelStockMethod(),
        TaskVectorMethod.TaskArithmetic,
        TaskVectorMethod.Ties,
        TaskVectorMethod.DareLinear,
        TaskVectorMethod.DareTies,
        TaskVectorMethod.Della,
        TaskVectorMethod.DellaLinear,
        TaskVectorMethod.Breadcrumbs,
        TaskVectorMethod.BreadcrumbsTies,
        new SceMethod(),
        new RamMethod(),
        new RamPlusMethod(),
        new NearswapMethod(),
        new ArceeFusionMethod(),
        new WidenMethod(),
        new PcbMethod(),
        new TsvMethod(),
        new FisherMethod(),
        new RegMeanMethod(),
        new PassthroughMethod(),
        new ExtractLoraMethod(),
    ];

    /// <summary>Finds a method; names are case-sensitive, as in recipes.</summary>
    public static MergeMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);
}
