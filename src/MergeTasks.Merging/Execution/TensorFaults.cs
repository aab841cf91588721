using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics;

namespace MergeTasks.Merging.Execution;

/// <summary>Tells the user why a tensor cannot be merged.</summary>
internal static class TensorFaults
{
    /// <summary>Calls <paramref name="make"/>, turning what stops the merge of a tensor into a diagnostic.</summary>
    /// <param name="plan">The merge.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="make">Makes the tensor.</param>
    /// <exception cref="DiagnosticException">The tensor cannot be merged.</exception>
    public static T Explain<T>(MergePlan plan, TensorPlan tensor, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (NonFiniteException met)
        {
            // Threads meet another one each time; the first one is told.
            try
            {
                FiniteElements.RequireAll(tensor);
            }
            catch (NonFiniteException first)
            {
                throw Of(plan, tensor, first);
            }

            throw Of(plan, tensor, met);
        }
        catch (ResultRangeException e)
        {
            throw Of(plan, tensor, e);
        }
        catch (NumericException e)
        {
            throw new DiagnosticException(
                e.Problem == NumericProblem.TooLarge ? DiagnosticCode.TensorTooLarge : DiagnosticCode.UndefinedMerge,
                $"Merge '{plan.Name}', method '{plan.Method.Name}', tensor "
                    + $"'{tensor.Output.Name}' {TensorInfo.Shown(tensor.Output.Shape)}: {e.Message}.", plan.Declaration.Location);
        }
        catch (ForeignMethodException e)
        {
            throw plan.Declaration.MethodFailed(tensor.Output, e);
        }
        catch (OutOfMemoryException)
        {
            throw new DiagnosticException(DiagnosticCode.TensorTooLarge,
                $"Merge '{plan.Name}', method '{plan.Method.Name}': there is not enough memory for the tensor "
                    + $"'{tensor.Output.Name}' {TensorInfo.Shown(tensor.Output.Shape)}.", plan.Declaration.Location);
        }
    }

    private static DiagnosticException Of(MergePlan plan, TensorPlan tensor, NonFiniteException fault)
    {
        var model = fault.Input is ModelTensor source
            ? plan.Models.FirstOrDefault(model => model.Input == source.Model)?.Declaration
            : null;
        var name = fault.Input is ModelTensor named ? named.Tensor : tensor.Output.Name;
        return plan.Declaration.Fault(DiagnosticCode.NonFiniteInput,
            $"the tensor '{name}' of '{model?.Label ?? "an input"}' holds {Told(fault.Value)} at "
            + $"[{Place(fault.Element, tensor.Output.Shape)}]. "
            + "Repair or replace the model; NonFinite=\"keep\" merges such elements like others.", model?.Location
                ?? plan.Declaration.Location);
    }

    private static DiagnosticException Of(MergePlan plan, TensorPlan tensor, ResultRangeException fault)
    {
        var type = fault.DType.TorchName();
        var largest = BitConverter.UInt32BitsToSingle(ElementConversion.FirstBeyond(fault.DType) - 1);
        Span<float> stored = [largest];
        ElementConversion.Round(fault.DType, stored);
        var what = float.IsFinite(fault.Value)
            ? string.Create(CultureInfo.InvariantCulture,
                $"is {fault.Value:R}, and {type} holds at most {stored[0]:R}. Choose a DType (or out_dtype) with a wider range, such as "
                    + $"bfloat16")
            : $"is {Told(fault.Value)}: numbers on the way to it are too large for fp32. Use smaller weights, or other models";
        return new DiagnosticException(DiagnosticCode.ResultRange,
            $"Merge '{plan.Name}', method '{plan.Method.Name}': {fault.Count} of {tensor.Output.Shape.ElementCount()} elements of the "
            + "merged tensor "
            + $"'{tensor.Output.Name}' cannot be stored; the first, [{Place(fault.Element, tensor.Output.Shape)}], {what}.",
            plan.Declaration.Location);
    }

    private static string Told(float value) => float.IsNaN(value) ? "NaN" : value > 0 ? "infinity" : "−infinity";

    private static string Place(long element, IReadOnlyList<long> shape)
    {
        var place = new long[shape.Count];
        for (var dimension = shape.Count - 1; dimension >= 0; dimension--)
            (place[dimension], element) = (element % shape[dimension], element / shape[dimension]);
        return string.Join(", ", place);
    }
}
