import { type PolicyValidationPluginReport, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { type ExplainedFinding, explainedFindings } from './explained-findings.ts';

/**
 * AWS Solutions' rules for an app, as a validation plug-in. Findings have ids that name resources as the template does,
 * which are only known now: explained ones are acknowledged here, and all others are the report.
 */
export class SolutionsChecks extends AwsSolutionsChecks {
  /** Those explanations that a finding had need of. */
  readonly used = new Set<ExplainedFinding>();

  override validateScope(scope: IConstruct): PolicyValidationPluginReport {
    const constructs = new Map(scope.node.findAll().map((construct) => [construct.node.path, construct]));
    const violations = super
      .validateScope(scope)
      .violations.map(({ violatingResources, ...violation }) => ({
        ...violation,
        violatingResources: violatingResources.filter(
          ({ constructPath = '' }) => !this.#isExplained(constructs.get(constructPath), violation.ruleName),
        ),
      }))
      .filter(({ violatingResources }) => violatingResources.length > 0);
    return { success: violations.length === 0, violations };
  }

  #isExplained(construct: IConstruct | undefined, id: string): boolean {
    const explained = explainedFindings.find(
      (finding) => construct && finding.id.test(id) && finding.at.test(construct.node.path),
    );
    if (!construct || !explained) return false;
    this.used.add(explained);
    Validations.of(construct).acknowledge({ id, reason: explained.reason });
    return true;
  }
}
