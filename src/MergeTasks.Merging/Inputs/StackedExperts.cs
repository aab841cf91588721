using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// Finds where the experts lie that an adapter names one by one (<c>experts.3.gate_proj</c>, <c>experts.3.w1</c>), as classes before
/// version 5 of transformers have them, in a model that stores them as stacks: <c>gate_up_proj</c> [experts, gates then the rest, in] and
/// <c>down_proj</c> [experts, out, in].
/// </summary>
/// <param name="model">The model.</param>
/// <param name="own">Finds the name that the model has for a tensor.</param>
/// <param name="unfit">The error for an adapter that does not fit.</param>
internal sealed class StackedExperts(ModelInput model, Func<string, string?> own, Func<string, CheckpointException> unfit)
{
    // Families whose stacks are [experts, in, out], of some with the gates between the rest.
    private static readonly string[] OtherStacks = ["gpt_oss", "llama4", "llama4_text", "qwen3_vl_moe", "qwen3_vl_moe_text"];

    /// <summary>The changes of the model's stacks, by its own names.</summary>
    /// <param name="modules">Modules that the model does not have.</param>
    /// <param name="taken">Those whose place was found.</param>
    /// <exception cref="CheckpointException">The stacks are there, and the modules do not fit into them.</exception>
    public IReadOnlyDictionary<string, TensorChange> Assign(IReadOnlyList<LoraModule> modules, out IReadOnlySet<string> taken)
    {
        ArgumentNullException.ThrowIfNull(modules);
        var byWeight = modules.ToDictionary(module => module.Name + ".weight", StringComparer.Ordinal);
        var pieces = new Dictionary<string, List<(long Start, FactorsChange Change)>>(StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var layer in ExpertLayer.Of(byWeight.Keys).Values)
        {
            foreach (var ((expert, part), name) in layer.Singles)
            {
                var parameter = $"{layer.Block}.experts.{(part == ExpertPart.Down ? "down_proj" : "gate_up_proj")}";
                if ((own(parameter) ?? own(parameter + ".weight")) is not { } stack)
                    continue;
                var module = byWeight[name];
                if (!pieces.TryGetValue(stack, out var list))
                    pieces.Add(stack, list = []);
                list.Add((StartOf(stack, expert, part, module), new FactorsChange(module, false, module.Scale)));
                found.Add(module.Name);
            }
        }

        taken = found;
        return pieces.ToDictionary(
            stack => stack.Key,
            TensorChange (stack) => new PiecesChange([.. stack.Value.OrderBy(piece => piece.Start)]),
            StringComparer.Ordinal);
    }

    private long StartOf(string stack, int expert, ExpertPart part, LoraModule module)
    {
        var spec = model.Find(stack)!;
        var halves = part == ExpertPart.Down ? 1 : 2;
        if (OtherStacks.Contains(model.Config.ModelType)
            || spec.Shape is not [var experts, var rows, var columns]
            || rows != halves * module.Out
            || columns != module.In
            || expert >= experts)
        {
            throw unfit(
                $"changes '{module.Name}' by a matrix of {TensorInfo.Shown([module.Out, module.In])}, an expert by itself, but the model "
                    + $"'{model.Folder}' has its experts in the stack '{stack}' of {TensorInfo.Shown(spec.Shape)}, where this one has no "
                    + "place. Put the adapter on the model with the classes that it was trained with.");
        }

        if (module.Bias is not null || module.IsEmbedding || module.A.Shape.Count != 2 || !spec.DType.IsFloatingPoint())
            throw unfit($"changes '{module.Name}' by more than a matrix, and the model '{model.Folder}' has its experts in '{stack}'.");
        return (((expert * (long)halves) + (part == ExpertPart.Up ? 1 : 0)) * module.Out) * module.In;
    }
}
