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

    /// <summary>What is named like a method, and puts parts of models together instead of merging their numbers.</summary>
    public static IReadOnlyList<MergeMethod> Assembling { get; } = [AssemblingMethod.Mixture, AssemblingMethod.Transplant];

    /// <summary>Finds a method, or what is named like one; names are case-sensitive, as in recipes.</summary>
    public static MergeMethod? Find(string name) => All.Concat(Assembling).FirstOrDefault(method => method.Name == name);
}
