using System.Reflection;
using System.Xml.Linq;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace MergeTasks.Tests;

/// <summary>The arrows between rooms, which are namespaces and so folders: each knows only those above it (docs/architecture.md).</summary>
public sealed class Rooms
{
    // From the one that knows nobody to the one that nobody knows. A folder stands after its own subfolders: it is the way in to them.
    private static readonly string[] Order =
    [
        "Files",
        "Files.Json",
        "Checkpoints.Elements",
        "Checkpoints.Disk",
        "Checkpoints.Pickled",
        "Checkpoints.Safetensors",
        "Checkpoints.Configuration",
        "Checkpoints.Quantization",
        "Checkpoints.Naming",
        "Checkpoints.Adapters",
        "Numerics", "Numerics.Memory", "Numerics.Threads", "Numerics.Products", "Numerics.Algebra", "Numerics.Optimizing",
        "Caching", "Caching.Remote",
        "Transformers.Architecture", "Transformers.Configuration", "Transformers.Families", "Transformers.Engine", "Transformers.Execution",
        "Transformers.Parameters", "Transformers.Blocks", "Transformers.Processor", "Transformers.Statistics",
        "Transformers.Tokenization.Text", "Transformers.Tokenization.Unicode", "Transformers.Tokenization.Patterns",
        "Transformers.Tokenization.Normalizers", "Transformers.Tokenization.AddedTokens", "Transformers.Tokenization.PreTokenizers",
        "Transformers.Tokenization.Models", "Transformers.Tokenization.PostProcessors", "Transformers.Tokenization.Decoders",
        "Transformers.Tokenization.Loading", "Transformers.Tokenization", "Transformers.Metrics",
        "Gguf.Format", "Gguf.Quantization", "Gguf.Vocabularies", "Gguf.Models", "Gguf.Writing", "Gguf.Reading",
        "Sources.References", "Sources.Locking", "Sources.Contract", "Sources.Hub", "Sources.Packages", "Sources",
        "Methods.Random", "Methods.Contract", "Methods.Selecting", "Methods.Kernels", "Methods.Sparsifying", "Methods.BuiltIn",
        "Methods.Loading",
        "Language.Diagnostics", "Language.Options", "Language.Importance", "Language.Experts", "Language.Recipes", "Language.Searching",
        "Language.Declarations", "Language.Reference",
        "Merging.Devices.Elf", "Merging.Devices", "Merging.Inputs", "Merging.Measuring", "Merging.Measuring.Evaluation", "Merging.Locating",
        "Merging.Planning.Layout", "Merging.Planning.Vocabularies", "Merging.Planning.Assembling", "Merging.Planning.Importance",
        "Merging.Planning.Tensors",
        "Merging.Planning.Adapters", "Merging.Planning.Exports", "Merging.Planning",
        "Merging.Outputs.Importance", "Merging.Outputs.Ownership", "Merging.Outputs.Parts",
        "Merging.Outputs", "Merging.Looking", "Merging.Execution.Importance",
        "Merging.Execution", "Merging.Comparing", "Merging.Searching", "Merging.Reporting", "Merging.Build",
        "Tasks",
    ];

    private static readonly string[] Projects =
    [
        "MergeTasks.Files",
        "MergeTasks.Checkpoints",
        "MergeTasks.Numerics",
        "MergeTasks.Caching",
        "MergeTasks.Transformers",
        "MergeTasks.Gguf",
        "MergeTasks.Sources",
        "MergeTasks.Methods", "MergeTasks.Language", "MergeTasks.Merging", "MergeTasks", "MergeTasks.Torch", "MergeTasks.Library",
        "MergeTasks.Tool",
    ];

    [Fact]
    public void Projects_know_only_those_above_them()
    {
        foreach (var path in Directory.GetFiles(Path.Combine(Package.Repository, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            var place = Array.IndexOf(Projects, Path.GetFileNameWithoutExtension(path));
            var known = XDocument.Load(path)
                .Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
            Assert.All(known, name => Assert.InRange(Array.IndexOf(Projects, name), 0, place - 1));
        }
    }

    [Fact]
    public void Folders_know_only_those_above_them()
    {
        var assemblies = Directory.GetFiles(TaskFolder, "MergeTasks*.dll");
        Assert.Equal(
            Projects[..^3].Order(StringComparer.Ordinal),
            assemblies.Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal));
        var edges = assemblies.SelectMany(EdgesOf).ToHashSet();
        Assert.Empty(edges.SelectMany(edge => new[] { edge.From, edge.To }).Select(RoomOf).Except(Order));
        Assert.Empty(Backward(edges));
    }

    [Fact]
    public void An_edge_that_is_turned_is_found()
    {
        var edges = EdgesOf(Path.Combine(TaskFolder, "MergeTasks.Methods.dll")).ToHashSet();
        Assert.Empty(Backward(edges));
        var turned = Backward(
            edges.Select(edge => (edge.To, edge.From)).Where(edge => edge.To.StartsWith("MergeTasks.Methods", StringComparison.Ordinal)));
        Assert.Contains("MergeTasks.Methods.Contract.TensorMerge -> MergeTasks.Methods.BuiltIn.LinearMethod", turned);
    }

    [Fact]
    public void Nothing_but_the_tasks_knows_the_build_engine() => Assert.DoesNotContain(
        Projects[..^4].SelectMany(name => ReferencesOf(Path.Combine(TaskFolder, name + ".dll"))),
        name => name.StartsWith("Microsoft.Build", StringComparison.Ordinal));

    private static string TaskFolder => Path.Combine(Package.Repository, "src", "MergeTasks", "bin", Package.Configuration, "net10.0");

    private static IEnumerable<string> Backward(IEnumerable<(string From, string To)> edges) => edges
        .Where(edge => Array.IndexOf(Order, RoomOf(edge.From)) < Array.IndexOf(Order, RoomOf(edge.To)))
        .Select(edge => $"{edge.From} -> {edge.To}").Order(StringComparer.Ordinal);

    private static string RoomOf(string type) => type[(type.IndexOf('.', StringComparison.Ordinal) + 1)..type.LastIndexOf('.')];

    private static List<string> ReferencesOf(string path)
    {
        using var module = ModuleDefinition.ReadModule(path);
        return [.. module.AssemblyReferences.Select(reference => reference.Name)];
    }

    // Which of our types' code and signatures name which others of ours.
    private static List<(string From, string To)> EdgesOf(string path)
    {
        using var module = ModuleDefinition.ReadModule(path);
        var edges = new List<(string, string)>();
        foreach (var type in module.GetTypes())
        {
            var from = Outermost(type);
            if (!IsOurs(from))
                continue;
            foreach (var named in Named(type).SelectMany(Parts).Select(Outermost).Where(to => IsOurs(to) && to != from))
                edges.Add((from, named));
        }

        return edges;
    }

    private static bool IsOurs(string type) => type.StartsWith("MergeTasks.", StringComparison.Ordinal);

    private static string Outermost(TypeReference type)
    {
        while (type.DeclaringType is not null)
            type = type.DeclaringType;
        return type.FullName.Split('`')[0];
    }

    private static IEnumerable<TypeReference> Named(TypeDefinition type) => new[] { type.BaseType }.OfType<TypeReference>()
        .Concat(type.Interfaces.Select(implemented => implemented.InterfaceType))
        .Concat(type.CustomAttributes.Select(attribute => attribute.AttributeType))
        .Concat(type.GenericParameters.SelectMany(parameter => parameter.Constraints).Select(constraint => constraint.ConstraintType))
        .Concat(type.Fields.Select(field => field.FieldType))
        .Concat(type.Methods.SelectMany(Named));

    private static IEnumerable<TypeReference> Named(MethodDefinition method) => Signature(method)
        .Concat(method.HasBody ? method.Body.Variables.Select(variable => variable.VariableType) : [])
        .Concat(method.HasBody ? method.Body.Instructions.SelectMany(Named) : []);

    private static IEnumerable<TypeReference> Named(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        MethodReference method => Signature(method).Append(method.DeclaringType)
            .Concat(method is GenericInstanceMethod generic ? generic.GenericArguments : []),
        _ => [],
    };

    private static IEnumerable<TypeReference> Signature(MethodReference method) =>
        method.Parameters.Select(parameter => parameter.ParameterType).Append(method.ReturnType);

    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
        GenericParameter => [],
        TypeSpecification { ElementType: { } element } => Parts(element),
        TypeSpecification => [],
        _ => [type],
    };
}
